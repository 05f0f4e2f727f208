import type { ReportData } from '../../../contract/report.ts';
import { RANGES } from '../each-link.ts';
import { counted } from '../names.ts';
import { clock, milliseconds } from '../times.ts';
import { html } from './markup.ts';
import type { ReportPictures } from './report-page.ts';

/** The matrix of each range as a picture, in pieces: a picture of a large mesh is long. */
export function* picturesSection(report: ReportData, pictures: ReportPictures): Generator<string> {
  yield '<section><h2>The matrix</h2><div class="pictures">';
  for (const name of RANGES) {
    const [range, figures, png] = [report.ranges[name], report.figures.all[name], pictures[name]];
    if (range === null || figures === null) continue;
    const words = `${name}, ${clock(range.fromMs)} to ${clock(range.toMs)}`;
    const { links, failed, slow } = figures;
    const seen = `${counted(links, 'link')}, ${failed} failed, ${slow} slow, median ${milliseconds(figures.p50Us)}`;
    if (png === null) {
      yield html`<figure><figcaption>${words}: ${seen}. The picture is left out: it is too large.</figcaption></figure>`
        .text;
      continue;
    }
    const { width, height } = sizeOf(png);
    // Large cells are for screens that scroll; here three pictures share a page.
    yield html`<figure><img width="${width}" height="${height}" alt="Heatmap ${words}: ${seen}" src="data:image/png;base64,`
      .text;
    yield Buffer.from(png.buffer, png.byteOffset, png.byteLength).toString('base64');
    yield html`"><figcaption>${words}: ${seen}</figcaption></figure>`.text;
  }
  yield '</div><p class="third">Column: from, row: to; the colour is the median of the range, or that a probe failed.</p></section>';
}

/** Width and height of a PNG, px: the first eight bytes of its IHDR chunk. */
function sizeOf(png: Uint8Array): { width: number; height: number } {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  return png.byteLength < 24 ? { width: 1, height: 1 } : { width: view.getUint32(16), height: view.getUint32(20) };
}
