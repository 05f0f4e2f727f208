import { readTokens } from '../../components/canvas.ts';
import type { ImageContent } from '../../components/export.ts';

/** The presentation attributes of SVG that the style sheets of the graph set. */
const STYLES = [
  'display',
  'visibility',
  'opacity',
  'fill',
  'fill-opacity',
  'paint-order',
  'stroke',
  'stroke-width',
  'stroke-opacity',
  'stroke-dasharray',
  'stroke-linecap',
  'stroke-linejoin',
  'font-family',
  'font-size',
  'font-weight',
  'text-anchor',
  'dominant-baseline',
];

/** The stage of the graph as the content of an image: its canvases, and above them its SVG with the styles of the page. */
export function stageImage(stage: HTMLElement): ImageContent {
  return {
    name: 'graph',
    width: stage.clientWidth,
    height: stage.clientHeight,
    dpr: Math.min(2, window.devicePixelRatio || 1),
    token: readTokens(stage),
    draw: (ctx) => drawStage(ctx, stage),
  };
}

async function drawStage(ctx: CanvasRenderingContext2D, stage: HTMLElement): Promise<void> {
  const frame = stage.getBoundingClientRect();
  // What is dragged or zoomed out of the stage must not cover the legend.
  ctx.save();
  ctx.beginPath();
  ctx.rect(0, 0, frame.width, frame.height);
  ctx.clip();
  for (const layer of stage.querySelectorAll<HTMLCanvasElement | SVGSVGElement>('canvas, .graph-svg')) {
    const { x, y, width, height } = layer.getBoundingClientRect();
    if (width === 0 || height === 0 || (layer instanceof HTMLCanvasElement && layer.width === 0)) continue;
    ctx.globalAlpha = Number(getComputedStyle(layer).opacity);
    const image = layer instanceof HTMLCanvasElement ? layer : await imageOf(layer, width, height);
    ctx.drawImage(image, x - frame.x, y - frame.y, width, height);
  }
  ctx.restore();
}

async function imageOf(svg: SVGSVGElement, width: number, height: number): Promise<HTMLImageElement> {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const copies = copy.querySelectorAll('*');
  svg.querySelectorAll('*').forEach((element, i) => {
    const style = getComputedStyle(element);
    for (const name of STYLES) copies[i]?.setAttribute(name, style.getPropertyValue(name));
    // The styles are in the attributes; a style attribute of the page would need the permission of its policy.
    copies[i]?.removeAttribute('style');
  });
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  copy.setAttribute('width', String(width));
  copy.setAttribute('height', String(height));
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  await image.decode();
  return image;
}
