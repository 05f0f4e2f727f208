import { readFileSync } from 'node:fs';

/** Colour as people see it: contrast (WCAG 2), difference (CIE 1976) and dichromacy (Machado 2009, severity 1). */

/** Linear red, green, blue in 0..1. */
type Linear = [number, number, number];

/** `#rrggbb` as linear light (sRGB, IEC 61966-2-1). */
function linear(hex: string): Linear {
  const part = (at: number) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return [part(1), part(3), part(5)];
}

/** Contrast ratio of two colours, 1..21. */
export function contrast(a: string, b: string): number {
  const luminance = ([r, g, blue]: Linear) => 0.2126 * r + 0.7152 * g + 0.0722 * blue;
  const [light, dark] = [luminance(linear(a)), luminance(linear(b))].sort((x, y) => y - x) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

/** Machado, Oliveira and Fernandes (2009), table for severity 1.0; `normal` changes nothing. */
export const VISIONS = {
  normal: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  protan: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  deutan: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  tritan: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
} as const;

/** The distance of two colours in CIE L*a*b* as somebody with that vision sees them; about 2 is just noticeable. */
export function difference(a: string, b: string, vision: keyof typeof VISIONS): number {
  const [one, other] = [a, b].map((hex) => lab(seen(linear(hex), vision)));
  return Math.hypot(...one!.map((part, i) => part - other![i]!));
}

function seen([r, g, b]: Linear, vision: keyof typeof VISIONS): Linear {
  const m = VISIONS[vision];
  const clamp = (value: number) => Math.min(1, Math.max(0, value));
  return [0, 3, 6].map((row) => clamp(m[row]! * r + m[row + 1]! * g + m[row + 2]! * b)) as Linear;
}

/** CIE L*a*b* under D65. */
function lab([r, g, b]: Linear): Linear {
  const x = (0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047;
  const y = 0.2126729 * r + 0.7151522 * g + 0.072175 * b;
  const z = (0.0193339 * r + 0.119192 * g + 0.9503041 * b) / 1.08883;
  const f = (t: number) => (t > (6 / 29) ** 3 ? Math.cbrt(t) : t / (3 * (6 / 29) ** 2) + 4 / 29);
  return [116 * f(y) - 16, 500 * (f(x) - f(y)), 200 * (f(y) - f(z))];
}

const CSS = readFileSync(new URL('../../../web/styles/tokens.css', import.meta.url), 'utf8');

/** The colours of the block that starts with `selector`. */
function tokensOf(selector: string): Map<string, string> {
  const block = CSS.slice(CSS.indexOf(`${selector} {`)).split('}')[0] ?? '';
  return new Map([...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name = '', hex = '']) => [name, hex]));
}

/** The colour tokens of both themes, name without dashes to `#rrggbb`, read from tokens.css. */
export const THEMES = { light: tokensOf(':root'), dark: tokensOf('[data-theme="dark"]') };
