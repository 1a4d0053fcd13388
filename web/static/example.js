import { join } from './sfu.js';

const people = document.querySelector('#people');
const state = document.querySelector('#state');

document.querySelector('#join').addEventListener('click', () => {
  const room = join({ room: 'example', name: 'A guest', camera: true, microphone: true });
  room.play(people);
  room.addEventListener('change', () => (state.textContent = `${room.state}, ${room.people.length} in the room`));
  room.addEventListener('fault', ({ detail }) => (state.textContent = detail.sentence));
}, { once: true });
