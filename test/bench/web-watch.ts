import type { Page } from 'playwright-core';

/** What the page's own clock said, ms since navigation or durations in ms. */
interface Watched {
  /** When the first picture had been painted; -1 while there is none. */
  firstMs: number;
  /** From the last event of each update to the painted frame. */
  updatesMs: number[];
  /** From the first event of each update to its last. */
  batchesMs: number[];
  frames: number;
}

/** What is put on `window` before the page's own script runs. */
interface BenchWindow extends Window {
  goldpingerWatch: Watched;
}

/** Watches a page from its start; call it before the page is opened. */
export async function watchFromStart(page: Page): Promise<void> {
  await page.addInitScript(() => {
    localStorage.setItem('goldpinger.hintRead', 'yes');
    const watched: Watched = { firstMs: -1, updatesMs: [], batchesMs: [], frames: 0 };
    (window as unknown as BenchWindow).goldpingerWatch = watched;
    // A message that is posted in a frame's callback arrives when that frame has been painted.
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
    const Original = window.EventSource;
    window.EventSource = class extends Original {
      constructor(url: string | URL) {
        super(url);
        let startMs = 0;
        // Registered before those of the page, and so called before them.
        this.addEventListener('head', () => {
          startMs = performance.now();
        });
        this.addEventListener('end', () => {
          const endMs = performance.now();
          watched.batchesMs.push(endMs - startMs);
          afterPaint(() => watched.updatesMs.push(performance.now() - endMs));
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

/** What has been watched so far. */
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
