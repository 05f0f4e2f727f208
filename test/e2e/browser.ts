import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];

/** Painting is by the processor: the programs that stand in for a graphics card take half as much time again. */
const ARGS = ['--no-sandbox', '--disable-gpu'];

/**
 * Starts a headless Chromium: CHROME_PATH, else one that is installed, else the one that comes with
 * `@sparticuz/chromium`. Throws an Error that says what to do where none starts: a page test without browser fails.
 */
export async function launchBrowser(): Promise<Browser> {
  try {
    const executablePath = process.env['CHROME_PATH'] ?? installedPath() ?? (await packedPath());
    return await chromium.launch({ executablePath, args: ARGS, headless: true });
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new Error(`No browser for the page tests: install Chromium or set CHROME_PATH to one. ${cause}`);
  }
}

/** Unpacks the Chromium of `@sparticuz/chromium` where that has not been done. Its own arguments are for lambdas. */
async function packedPath(): Promise<string> {
  const { default: packed } = await import('@sparticuz/chromium');
  return packed.executablePath();
}

function installedPath(): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    for (const name of NAMES) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // Not here: try the next.
      }
    }
  }
  return undefined;
}
