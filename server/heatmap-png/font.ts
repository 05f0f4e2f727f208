/** Width of a glyph in px. Its height is at most 9, including two rows below the baseline. */
export const GLYPH_WIDTH = 5;
/** The distance from one letter to the next, and from one line to the next. */
export const LETTER_PX = 6;
export const LINE_PX = 12;

/**
 * What names in Kubernetes and the texts of the heatmap are made of: each character and its rows from the top; empty rows at the end
 * are left out.
 */
const FONT = `
( ...#. ..#.. .#... .#... .#... ..#.. ...#.
) .#... ..#.. ...#. ...#. ...#. ..#.. .#...
, ..... ..... ..... ..... ..... .##.. ..#.. .#...
- ..... ..... ..... #####
. ..... ..... ..... ..... ..... .##.. .##..
0 .###. #...# #..## #.#.# ##..# #...# .###.
1 ..#.. .##.. ..#.. ..#.. ..#.. ..#.. .###.
2 .###. #...# ....# ...#. ..#.. .#... #####
3 ##### ...#. ..#.. ...#. ....# #...# .###.
4 ...#. ..##. .#.#. #..#. ##### ...#. ...#.
5 ##### #.... ####. ....# ....# #...# .###.
6 ..##. .#... #.... ####. #...# #...# .###.
7 ##### ....# ...#. ..#.. .#... .#... .#...
8 .###. #...# #...# .###. #...# #...# .###.
9 .###. #...# #...# .#### ....# ...#. .##..
: ..... .##.. .##.. ..... .##.. .##..
; ..... .##.. .##.. ..... .##.. ..#.. .#...
? .###. #...# ....# ...#. ..#.. ..... ..#..
C .###. #...# #.... #.... #.... #...# .###.
T ##### ..#.. ..#.. ..#.. ..#.. ..#.. ..#..
U #...# #...# #...# #...# #...# #...# .###.
a ..... ..... .###. ....# .#### #...# .####
b #.... #.... ####. #...# #...# #...# ####.
c ..... ..... .###. #.... #.... #.... .###.
d ....# ....# .#### #...# #...# #...# .####
e ..... ..... .###. #...# ##### #.... .###.
f ..##. .#... ####. .#... .#... .#... .#...
g ..... ..... .#### #...# #...# #...# .#### ....# .###.
h #.... #.... ####. #...# #...# #...# #...#
i ..#.. ..... .##.. ..#.. ..#.. ..#.. .###.
j ...#. ..... ..##. ...#. ...#. ...#. ...#. #..#. .##..
k #.... #.... #..#. #.#.. ##... #.#.. #..#.
l .##.. ..#.. ..#.. ..#.. ..#.. ..#.. .###.
m ..... ..... ##.#. #.#.# #.#.# #.#.# #.#.#
n ..... ..... ####. #...# #...# #...# #...#
o ..... ..... .###. #...# #...# #...# .###.
p ..... ..... ####. #...# #...# #...# ####. #.... #....
q ..... ..... .#### #...# #...# #...# .#### ....# ....#
r ..... ..... #.##. ##..# #.... #.... #....
s ..... ..... .#### #.... .###. ....# ####.
t .#... .#... ####. .#... .#... .#... ..##.
u ..... ..... #...# #...# #...# #...# .####
v ..... ..... #...# #...# #...# .#.#. ..#..
w ..... ..... #...# #.#.# #.#.# #.#.# .#.#.
x ..... ..... #...# .#.#. ..#.. .#.#. #...#
y ..... ..... #...# #...# #...# #...# .#### ....# .###.
z ..... ..... ##### ...#. ..#.. .#... #####
`;

/** The glyphs as rows of 5 bits; the leftmost dot is the highest bit. */
const GLYPHS = new Map<string, readonly number[]>([[' ', []]]);
for (const [char = '', , ...rows] of FONT.trim().split('\n')) {
  const bits = rows
    .join('')
    .split(' ')
    .map((row) => Number.parseInt(row.replaceAll('.', '0').replaceAll('#', '1'), 2));
  GLYPHS.set(char, bits);
}

/** The rows of a character, as in `GLYPHS`; those of a question mark if the font lacks it. */
export function glyphOf(char: string): readonly number[] {
  return GLYPHS.get(char) ?? GLYPHS.get('?') ?? [];
}

/** Cuts a text to `length` characters in its middle, because names that begin alike differ at their ends. */
export function shortened(text: string, length: number): string {
  const chars = Array.from(text.slice(0, 600));
  if (chars.length <= length) return chars.join('');
  const head = Math.floor((length - 2) / 2);
  return `${chars.slice(0, head).join('')}..${chars.slice(chars.length - (length - 2 - head)).join('')}`;
}
