/** The colours of the picture, light theme of the page. A picture has at most 16: four bits a pixel. */
const COLOURS = {
  surface: 0xffffff,
  text: 0x15202b,
  third: 0x5d6975,
  good: 0x84cfaa,
  fair: 0x43a67b,
  warning: 0xf5b82e,
  slow: 0xd5361c,
  failed: 0x5e0b24,
  notProbed: 0xeef1f4,
  edge: 0x7c8894,
  unknown: 0xd9dfe5,
  hatch: 0xaab4be,
  suspect: 0x6b4fc4,
  hairline: 0xd8dee4,
} as const;

/** The name of a colour. */
export type Colour = keyof typeof COLOURS;

const NAMES = Object.keys(COLOURS) as Colour[];

/** The number of a colour in the picture. */
export const INK = Object.fromEntries(NAMES.map((name, i) => [name, i])) as Record<Colour, number>;

/** PNG's PLTE chunk: three bytes a colour. */
export const PALETTE: Uint8Array = Uint8Array.from(
  NAMES.flatMap((name) => [COLOURS[name] >> 16, (COLOURS[name] >> 8) & 255, COLOURS[name] & 255]),
);
