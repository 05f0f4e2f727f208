import type { Page } from 'playwright-core';

/** A pod as the graph shows it. */
export interface SeenPod {
  /** Its accessible name: name, node, state. */
  words: string;
  /** Computed colour of its shape, `rgb(...)`. */
  fill: string;
}

/** Everything that a page has shown since `recordFrom`. */
export interface History {
  /** State of each pod, without figures that change: `name: state`. */
  pods: string[];
  /** The fewest pods that the graph had at once. */
  fewest: number;
  notices: string[];
}

/** The pods of the graph, in the order of Tab. */
export function podsIn(page: Page): Promise<SeenPod[]> {
  return page.locator('.pod-node').evaluateAll((nodes) =>
    nodes.map((node) => ({
      words: node.getAttribute('aria-label') ?? '',
      fill: getComputedStyle(node.querySelector('.pod-shape') ?? node).fill,
    })),
  );
}

/** The computed colours of the graph's links, each once. */
export async function linkColours(page: Page): Promise<string[]> {
  const all = await page
    .locator('.graph-links .graph-link > path:not(.graph-halo)')
    .evaluateAll((paths) => paths.map((path) => getComputedStyle(path).stroke));
  return [...new Set(all)].sort();
}

/** A colour token of the page's theme as `rgb(...)`. */
export function token(page: Page, name: string): Promise<string> {
  return page.evaluate((key) => {
    const hex = getComputedStyle(document.documentElement).getPropertyValue(key).trim();
    const parts = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
    return `rgb(${parts.join(', ')})`;
  }, name);
}

/** From now on records everything that the graph and the notices show, however briefly. */
export async function recordFrom(page: Page): Promise<void> {
  await page.evaluate(() => {
    const history: History = { pods: [], fewest: Number.POSITIVE_INFINITY, notices: [] };
    (window as unknown as { shown: History }).shown = history;
    const add = (list: string[], words: string) => {
      if (!list.includes(words)) list.push(words);
    };
    const look = () => {
      const nodes = [...document.querySelectorAll('.pod-node')];
      history.fewest = Math.min(history.fewest, nodes.length);
      for (const node of nodes) {
        const [name, state = ''] = (node.getAttribute('aria-label') ?? '').split(/, on [^:]*: |: /);
        add(history.pods, `${name}: ${state.split(/[, ]/)[0]}`);
      }
      for (const notice of document.querySelectorAll('.notice p')) add(history.notices, notice.textContent ?? '');
    };
    look();
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true, attributes: true });
  });
}

/** Everything that the page has shown since `recordFrom`. */
export function recordedIn(page: Page): Promise<History> {
  return page.evaluate(() => (window as unknown as { shown: History }).shown);
}
