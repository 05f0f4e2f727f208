import type { Page } from 'playwright-core';
import type { WorkerMessage } from '../../web/data/mesh-worker.ts';

/** Times by the page's own clock: ms since navigation, or durations in ms. */
interface Watched {
  /** When the first view had been painted; -1 before that. */
  firstMs: number;
  /** From the last event of each update, in the page's worker, to the painted frame. */
  updatesMs: number[];
  /** From the server's collection of each update to the painted frame. */
  sinceServerMs: number[];
  frames: number;
}

/** The page's `window` with a variable that is set before the page's own script runs. */
interface BenchWindow extends Window {
  goldpingerWatch: Watched;
}

/** Measures a page from its start. Call it before the page is opened. */
export async function watchFromStart(page: Page): Promise<void> {
  await page.addInitScript(() => {
    localStorage.setItem('goldpinger.hintRead', 'yes');
    const watched: Watched = { firstMs: -1, updatesMs: [], sinceServerMs: [], frames: 0 };
    (window as unknown as BenchWindow).goldpingerWatch = watched;
    // A message that is posted in the callback of a frame arrives after that frame has been painted.
    const afterPaint = (then: () => void) =>
      requestAnimationFrame(() => {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => {
          channel.port1.close();
          then();
        };
        channel.port2.postMessage(0);
      });
    new MutationObserver((_, observer) => {
      if (document.querySelector('.graph-stage .pod-nodes, .graph-stage canvas, .heat-layers canvas') === null) return;
      observer.disconnect();
      afterPaint(() => {
        watched.firstMs = performance.now();
      });
    }).observe(document, { childList: true, subtree: true });
    const Original = window.SharedWorker;
    window.SharedWorker = class extends Original {
      constructor(url: string | URL, options?: string | WorkerOptions) {
        super(url, options);
        // This listener is registered before that of the page, and so it is called first.
        this.port.addEventListener('message', ({ data }: MessageEvent<WorkerMessage>) => {
          if (data.update === null) return;
          const receivedMs = performance.now() - data.heldMs;
          const serverMs = data.update.mesh.head.atMs;
          afterPaint(() => {
            watched.updatesMs.push(performance.now() - receivedMs);
            watched.sinceServerMs.push(Date.now() - serverMs);
          });
        });
      }
    };
    const count = () => {
      watched.frames++;
      requestAnimationFrame(count);
    };
    requestAnimationFrame(count);
  });
}

/** The times so far. */
export function watchedIn(page: Page): Promise<Watched> {
  return page.evaluate(() => (window as unknown as BenchWindow).goldpingerWatch);
}

/** Resolves when `count` updates have been painted since the start. Rejects after 90 s. */
export async function updatesPainted(page: Page, count: number): Promise<void> {
  await page.waitForFunction(
    (wanted) => (window as unknown as BenchWindow).goldpingerWatch.updatesMs.length >= wanted,
    count,
    { timeout: 90_000, polling: 200 },
  );
}
