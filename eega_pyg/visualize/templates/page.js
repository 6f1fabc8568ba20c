'use strict';
const D = JSON.parse(document.getElementById('data').textContent);
const SVG = 'http://www.w3.org/2000/svg';

// An element with attributes and children; strings become text nodes.
function el(name, attributes = {}, ...children) {
  const svg = ['svg', 'g', 'path', 'rect', 'line', 'circle', 'text', 'defs', 'marker',
    'title'].includes(name);
  const node = svg ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}
const byId = id => document.getElementById(id);
function percent(p) {
  const value = 100 * p;
  return (value > 0 && value < 0.95 ? value.toFixed(1) : value.toFixed(0)) + ' %';
}
const typeColor = i => `var(--t${i % 8})`;
