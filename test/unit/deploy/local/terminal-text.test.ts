import { expect, it } from 'vitest';
import { oneLine, printable } from '../../../../deploy/local/terminal-text.ts';

it('a text cannot control the terminal or turn its direction, and keeps its lines and all other letters', () => {
  expect(printable('a\u001b[2J\u009b\r\u202ab\u202e\u2066c\u2069')).toBe('a [2J   b  c ');
  expect(printable('ä\tπ\n\u05d0 🙂')).toBe('ä\tπ\n\u05d0 🙂');
});

it('a name stays on its line', () => {
  expect(oneLine('a\nb\tc\u2028d')).toBe('a b c d');
});
