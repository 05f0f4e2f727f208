import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];

/**
 * Starts a headless Chromium: CHROME_PATH, else one that is installed, else the one that comes with
 * `@sparticuz/chromium`. Throws an Error that says what to do where none starts: a page test without browser fails.
 */
export async function launchBrowser(): Promise<Browser> {
  const installed = process.env['CHROME_PATH'] ?? installedPath();
  try {
    if (installed !== undefined) {
      return await chromium.launch({ executablePath: installed, args: ['--no-sandbox'], headless: true });
    }
    const { default: packed } = await import('@sparticuz/chromium');
    const executablePath = await packed.executablePath();
    // WebGL and the single process are for lambdas: the first is not needed, the second breaks several contexts.
    const args = packed.args.filter((arg) => !['--single-process', '--no-zygote', "--headless='shell'"].includes(arg));
    return await chromium.launch({ executablePath, args, headless: true });
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new Error(`No browser for the page tests: install Chromium or set CHROME_PATH to one. ${cause}`);
  }
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
