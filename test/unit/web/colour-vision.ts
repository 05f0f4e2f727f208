import { readFileSync } from 'node:fs';

/** Colour as people see it: contrast (WCAG 2), difference (CIEDE2000) and dichromacy (Machado 2009, severity 1). */

/** Linear red, green, blue in 0..1. */
type Linear = [number, number, number];

/** `#rrggbb` as linear light (sRGB, IEC 61966-2-1). */
export function linear(hex: string): Linear {
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

/** CIEDE2000 between two colours as somebody with that vision sees them. */
export function difference(a: string, b: string, vision: keyof typeof VISIONS): number {
  return ciede2000(lab(seen(linear(a), vision)), lab(seen(linear(b), vision)));
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

/** The formula of Sharma, Wu and Dalal (2005), with kL = kC = kH = 1. */
export function ciede2000([l1, a1, b1]: Linear, [l2, a2, b2]: Linear): number {
  const rad = Math.PI / 180;
  const meanC = (Math.hypot(a1, b1) + Math.hypot(a2, b2)) / 2;
  const g = 0.5 * (1 - Math.sqrt(meanC ** 7 / (meanC ** 7 + 25 ** 7)));
  const [p1, p2] = [(1 + g) * a1, (1 + g) * a2];
  const [c1, c2] = [Math.hypot(p1, b1), Math.hypot(p2, b2)];
  const hue = (b: number, a: number) => (a === 0 && b === 0 ? 0 : (Math.atan2(b, a) / rad + 360) % 360);
  const [h1, h2] = [hue(b1, p1), hue(b2, p2)];
  const grey = c1 * c2 === 0;
  let dh = grey ? 0 : h2 - h1;
  if (dh > 180) dh -= 360;
  if (dh < -180) dh += 360;
  const dL = l2 - l1;
  const dC = c2 - c1;
  const dH = 2 * Math.sqrt(c1 * c2) * Math.sin((dh / 2) * rad);
  const mL = (l1 + l2) / 2;
  const mC = (c1 + c2) / 2;
  let mH = h1 + h2;
  if (!grey) {
    if (Math.abs(h1 - h2) > 180) mH += mH < 360 ? 360 : -360;
    mH /= 2;
  }
  const t =
    1 -
    0.17 * Math.cos((mH - 30) * rad) +
    0.24 * Math.cos(2 * mH * rad) +
    0.32 * Math.cos((3 * mH + 6) * rad) -
    0.2 * Math.cos((4 * mH - 63) * rad);
  const sL = 1 + (0.015 * (mL - 50) ** 2) / Math.sqrt(20 + (mL - 50) ** 2);
  const sC = 1 + 0.045 * mC;
  const sH = 1 + 0.015 * mC * t;
  const rT = -2 * Math.sqrt(mC ** 7 / (mC ** 7 + 25 ** 7)) * Math.sin(60 * Math.exp(-(((mH - 275) / 25) ** 2)) * rad);
  return Math.sqrt((dL / sL) ** 2 + (dC / sC) ** 2 + (dH / sH) ** 2 + rT * (dC / sC) * (dH / sH));
}

const CSS = readFileSync(new URL('../../../web/styles/tokens.css', import.meta.url), 'utf8');

/** The colours of the block that starts with `selector`. */
function tokensOf(selector: string): Map<string, string> {
  const block = CSS.slice(CSS.indexOf(`${selector} {`)).split('}')[0] ?? '';
  return new Map([...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name = '', hex = '']) => [name, hex]));
}

/** The colour tokens of both themes, name without dashes to `#rrggbb`, read from tokens.css. */
export const THEMES = { light: tokensOf(':root'), dark: tokensOf('[data-theme="dark"]') };
