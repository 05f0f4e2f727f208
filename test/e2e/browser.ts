import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];

/**
 * Painting is by the processor: the programs that stand in for a graphics card take half as much time again. All pages are
 * ours, so they may share a process, whose start takes a tenth of the time of a page.
 */
const ARGS = ['--no-sandbox', '--disable-gpu', '--renderer-process-limit=1', '--disable-site-isolation-trials'];

/**
 * Starts a headless Chromium: CHROME_PATH, else one that is installed, else the one that comes with `@sparticuz/chromium`, a
 * headless shell whose pages take half as long. Throws an Error that says what to do where none starts: a page test without
 * browser fails.
 */
export async function launchBrowser(): Promise<Browser> {
  const given = process.env['CHROME_PATH'];
  const causes: unknown[] = [];
  for (const findPaths of given === undefined ? [installedPaths, packedPaths] : [() => [given]]) {
    for (const executablePath of await findPaths()) {
      try {
        return await chromium.launch({ executablePath, args: ARGS, headless: true });
      } catch (error) {
        causes.push(error);
      }
    }
  }
  throw new Error(`No browser for the page tests: install Chromium or set CHROME_PATH to one. ${causes.join('; ')}`);
}

/** Vitest calls it once before the files, which would unpack the browser at the same time. */
export async function setup(): Promise<void> {
  if (process.env['CHROME_PATH'] === undefined && installedPaths().length === 0) await packedPaths();
}

/**
 * Unpacks the Chromium of `@sparticuz/chromium` where that has not been done; gives its path, none where it cannot run. Its own
 * arguments are for lambdas.
 */
async function packedPaths(): Promise<string[]> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return [];
  const { default: packed } = await import('@sparticuz/chromium');
  return [await packed.executablePath()];
}

function installedPaths(): string[] {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).filter((path) => existsSync(path));
}
