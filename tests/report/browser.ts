import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';
import { openBrowser } from '../support/browser.ts';
import { views, type View } from './views.ts';

/** A page as it was opened; being disposed of it must have complained of nothing and asked for nothing. */
export interface OpenPage extends AsyncDisposable {
  readonly page: Page;
}

/** The browser of a test file: started before its tests, ended after them. */
export function browserOfTests(): (html: string, view?: View) => Promise<OpenPage> {
  let browser: Browser | undefined;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser?.close());
  return async (html, view = 'light') => {
    if (browser === undefined) throw new Error('a page is opened by a test, not beside it');
    return open(browser, html, view);
  };
}

async function open(browser: Browser, html: string, view: View): Promise<OpenPage> {
  const folder = mkdtempSync(join(tmpdir(), 'conformance-page-'));
  const file = join(folder, 'index.html');
  writeFileSync(file, html);
  const context = await browser.newContext(views[view]);
  const close = async (): Promise<void> => {
    await context.close();
    rmSync(folder, { recursive: true });
  };
  try {
    const page = await context.newPage();
    const complaints: string[] = [];
    const requests: string[] = [];
    page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => requests.push(request.url()));
    const address = pathToFileURL(file).href;
    await page.goto(address);
    return {
      page,
      [Symbol.asyncDispose]: async () => {
        await close();
        expect(complaints, 'what the browser complained of').toEqual([]);
        expect(requests, 'what the page asked for').toEqual([address]);
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Opens every disclosure. Scripts are texts here: the project's types know no document. */
export async function openAll(page: Page): Promise<void> {
  await page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true");
}

/** How far content reaches beyond the window's right edge: px, and the elements that do, without what scrolls by itself. */
export async function overflow(
  page: Page,
): Promise<{ readonly px: number; readonly elements: readonly string[] }> {
  return page.evaluate<{ px: number; elements: string[] }>(`(() => {
    const width = document.documentElement.clientWidth;
    const elements = [...document.querySelectorAll('body *')].filter(
      (one) => one.getBoundingClientRect().right > width + 1 && one.closest('.scroll, .unseen, .skip, svg') === null,
    );
    return {
      px: document.documentElement.scrollWidth - width,
      elements: elements.map((one) => one.tagName + '.' + one.getAttribute('class') + ': ' + one.textContent.slice(0, 60)),
    };
  })()`);
}
