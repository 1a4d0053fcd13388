// The first thing that runs. It uses old syntax only, so that a browser which cannot read the rest can still be told so.
import('./main.js').catch(function (error) {
  console.error(error);
  var message = document.createElement('p');
  message.className = 'loading';
  message.textContent = error instanceof SyntaxError
    ? 'This browser is too old for calls: it does not understand this page’s program. Please update it, or open this address in another one.'
    : 'The page could not be loaded completely. Check your connection and reload it.';
  var app = document.getElementById('app');
  app.textContent = '';
  app.appendChild(message);
});
