import { expect, test } from 'vitest';
import { commandOf, type KeyPress } from '../../../../web/app/keyboard.ts';

const press = (key: string, held: Partial<KeyPress> = {}): KeyPress => ({
  key,
  ctrlKey: false,
  altKey: false,
  metaKey: false,
  ...held,
});

test.each([
  ['1', { view: 'graph' }],
  ['2', { view: 'heatmap' }],
  ['3', { view: 'raw' }],
  ['4', { view: 'metrics' }],
  ['/', 'filter'],
  ['t', 'table'],
  ['T', 'table'],
  ['n', 'now'],
  ['?', 'help'],
  ['Escape', 'close'],
  ['5', null],
  ['', null],
  ['12', null],
  ['Enter', null],
])('%s is %j', (key, command) => {
  expect(commandOf(press(key), false, true)).toEqual(command);
});

test('single characters are silent while typing and where switched off; Esc never is', () => {
  for (const key of ['1', '/', 't', 'n', '?']) {
    expect(commandOf(press(key), true, true)).toBeNull();
    expect(commandOf(press(key), false, false)).toBeNull();
  }
  expect(commandOf(press('Escape'), true, false)).toBe('close');
});

test('what is held with Ctrl, Alt or Meta belongs to the browser', () => {
  expect(commandOf(press('1', { ctrlKey: true }), false, true)).toBeNull();
  expect(commandOf(press('t', { metaKey: true }), false, true)).toBeNull();
  expect(commandOf(press('n', { altKey: true }), false, true)).toBeNull();
});
