'use strict';
// What is shown: given by the page around this one, or standing in this one.
// (Elements have a `data` of their own.)
const D = window.frameElement?.eegaData || JSON.parse(document.getElementById('data').textContent);
const SVG = 'http://www.w3.org/2000/svg';

// An element with attributes and children; strings become text nodes.
function el(name, attributes = {}, ...children) {
  const svg = ['svg', 'g', 'path', 'rect', 'line', 'circle', 'text', 'defs', 'marker',
    'title'].includes(name);
  const node = svg ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined) continue;
    // A service's policy forbids styles that stand in HTML.
    if (key === 'style') node.style.cssText = value;
    else node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}
const byId = id => document.getElementById(id);
function percent(p) {
  const value = 100 * p;
  return (value > 0 && value < 0.95 ? value.toFixed(1) : value.toFixed(0)) + ' %';
}
// The colour and shape of a type, in a page the same as in all others.
const typeColor = type => D.marks[type][0];
const SHAPES = {
  circle: 'M-1 0A1 1 0 1 0 1 0A1 1 0 1 0 -1 0Z',
  square: 'M-.88-.88H.88V.88H-.88Z',
  diamond: 'M0-1.2L1.2 0L0 1.2L-1.2 0Z',
  triangle: 'M0-1.15L1.15.85H-1.15Z',
  hexagon: 'M-1.1 0L-.55-.95H.55L1.1 0L.55.95H-.55Z',
  wedge: 'M0 1.15L1.15-.85H-1.15Z',
};
const swatch = type => el('svg', { class: 'swatch', viewBox: '-1.3 -1.3 2.6 2.6',
  'aria-hidden': 'true' }, el('path', { d: SHAPES[D.marks[type][1]], fill: typeColor(type) }));
