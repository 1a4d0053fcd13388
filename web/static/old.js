/* For browsers that do not know modules. Written in the JavaScript of 2009, so that they can run it. */
document.getElementById('app').firstChild.firstChild.nodeValue =
  'This browser is too old for calls: it does not know JavaScript modules. Please update it, or open this address in another one.';
