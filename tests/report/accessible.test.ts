import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { compareRuns } from '../../helpers/report/compare.ts';
import { comparePageOf } from '../../helpers/report/html/compare-page.tsx';
import { pageOf } from '../../helpers/report/html/page.tsx';
import { runResults } from '../samples/results.ts';
import { browserOfTests, openAll, overflow } from './browser.ts';
import { views, type View } from './views.ts';
import { fixture, fixtureNames } from './fixtures.ts';
import { contradicted, hostile, redGate, unstable, withText } from './samples.ts';

const open = browserOfTests();
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const pages: readonly (readonly [name: string, html: () => Promise<string>])[] = [
  ...fixtureNames.map((name) => [name, () => pageOf(fixture(name))] as const),
  ['contradicted', () => pageOf(contradicted())],
  ['red gate', () => pageOf(redGate())],
  ['unstable', () => pageOf(unstable())],
  [
    'environment',
    () =>
      pageOf(runResults({ verdict: 'environment', exitCode: 3, reason: 'No engine', steps: [], images: [] })),
  ],
  ['comparison', () => comparePageOf(compareRuns(fixture('green'), fixture('red')))],
];

describe.each(pages)('the page %s', (_name, html) => {
  it.each(Object.keys(views) as View[])('has nothing that axe minds: %s', async (view) => {
    await using opened = await open(await html(), view);
    await openAll(opened.page);
    expect(await violations(opened.page)).toEqual([]);
  });

  it('fits on a phone, opened as well', async () => {
    await using opened = await open(await html(), 'phone');
    expect(await overflow(opened.page)).toEqual({ px: 0, elements: [] });
    await openAll(opened.page);
    expect(await overflow(opened.page)).toEqual({ px: 0, elements: [] });
  });

  it('can be used by keyboard alone', async () => {
    await using opened = await open(await html());
    const { page } = opened;
    const wanted = await page.evaluate<number>(`(() => {
      const all = [...document.querySelectorAll('a[href], summary, [tabindex="0"]')].filter((one) => one.checkVisibility());
      all.forEach((one, index) => one.setAttribute('data-stop', String(index)));
      return all.length;
    })()`);
    const stops: string[] = [];
    for (let index = 0; index < wanted; index += 1) {
      await page.keyboard.press('Tab');
      stops.push(
        await page.evaluate<string>(
          "document.activeElement.getAttribute('data-stop') ?? document.activeElement.tagName",
        ),
      );
    }
    expect(stops).toEqual(stops.map((_, index) => String(index)));
    expect(stops).toHaveLength(wanted);
    const summaries = page.locator('summary:visible');
    for (let index = 0; index < Math.min(3, await summaries.count()); index += 1) {
      const details = summaries.nth(index).locator('xpath=..');
      const before = await details.getAttribute('open');
      await summaries.nth(index).focus();
      await page.keyboard.press('Enter');
      expect((await details.getAttribute('open')) === null).toBe(before !== null);
      await page.keyboard.press('Enter');
      expect((await details.getAttribute('open')) === null).toBe(before === null);
    }
  });
});

describe('on paper', () => {
  it('everything of a failed step is printed, since paper has no click', async () => {
    await using opened = await open(await pageOf(fixture('bypass')));
    const { page } = opened;
    const line = page.locator('article.failed .trip-figure pre').first();
    expect(await line.isVisible()).toBe(false);
    await page.emulateMedia({ media: 'print' });
    expect(await line.isVisible()).toBe(true);
    expect(await page.locator('article.passed .trip-figure pre').first().isVisible()).toBe(false);
    expect(await page.getByRole('navigation').isVisible()).toBe(false);
  });

  it('it is printed dark on white by whoever looks at it in the dark', async () => {
    await using opened = await open(await pageOf(fixture('green')), 'dark');
    await opened.page.emulateMedia({ media: 'print' });
    const [ground, text] = await opened.page.evaluate<[string, string]>(
      '[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]',
    );
    expect(ground).toBe('rgb(255, 255, 255)');
    expect(text).toMatch(/^rgb\(\d\d?, \d\d?, \d\d?\)$/);
  });
});

describe.each(Object.entries(hostile))('a run full of %s', (_kind, text) => {
  it.each(['light', 'phone'] as const)('is shown as what it is: %s', async (view) => {
    await using opened = await open(await pageOf(withText(text)), view);
    const { page } = opened;
    await openAll(page);
    expect(await page.evaluate('window.pwned')).toBeUndefined();
    expect(await page.locator('script, img, iframe, object, b').count()).toBe(0);
    expect(await page.locator('h1').innerText()).toBe('Not conformant');
    expect(await page.locator('article.step').count()).toBe(3);
    expect(await page.locator('.facts dd').first().textContent()).toBe(text);
    expect((await page.locator('.trip-figure pre').allTextContents()).every((one) => one === text)).toBe(
      true,
    );
    expect(await overflow(page)).toEqual({ px: 0, elements: [] });
    // No address comes from what a program wrote.
    const links = await page.evaluate<string[]>("[...document.links].map((one) => one.getAttribute('href'))");
    const own = /^(#[\w.-]*|\.\.\/(results\.json|junit\.xml|[\w-][\w./-]*\/index\.md))$/;
    expect(links.filter((href) => !own.test(href) || href.slice(3).includes('..'))).toEqual([]);
  });
});

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  return page.evaluate<string[]>(
    `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
      violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html, failureSummary }) => html.slice(0, 120) + ' ' + failureSummary).join(' | ')))`,
  );
}
