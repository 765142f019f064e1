import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { comparePageOf } from '../../helpers/report/html/compare-page.tsx';
import { compareRuns } from '../../helpers/report/compare.ts';
import { pageOf } from '../../helpers/report/html/page.tsx';
import { openBrowser } from '../support/browser.ts';
import { views, type View } from './views.ts';
import { fixture } from './fixtures.ts';

/** `npm run screenshots`: the pictures of docs/report.md, out of the runs that the tests of the page use. */
const folder = fileURLToPath(new URL('../../docs/screenshots/', import.meta.url));

interface Shot {
  readonly name: string;
  readonly html: Promise<string>;
  readonly view: View;
  /** What is at the top of the picture; the page's beginning otherwise. */
  readonly at?: string;
  readonly height: number;
}

const shots: readonly Shot[] = [
  { name: 'green', html: pageOf(fixture('green')), view: 'light', height: 1000 },
  { name: 'red', html: pageOf(fixture('red')), view: 'light', height: 900 },
  { name: 'red-trip', html: pageOf(fixture('bypass')), view: 'light', at: 'step-control-1', height: 560 },
  { name: 'gate', html: pageOf(fixture('gate')), view: 'light', height: 1400 },
  { name: 'phone', html: pageOf(fixture('bypass')), view: 'phone', at: 'step-control-1', height: 844 },
  { name: 'dark', html: pageOf(fixture('green')), view: 'dark', at: 'step-mesh-1', height: 800 },
  {
    name: 'compared',
    html: comparePageOf(compareRuns(fixture('green'), fixture('red'))),
    view: 'light',
    height: 700,
  },
];

await mkdir(folder, { recursive: true });
const browser = await openBrowser();
try {
  for (const { name, html, view, at, height } of shots) {
    const page = await browser.newPage(views[view]);
    await page.setContent(await html);
    const y =
      at === undefined
        ? 0
        : await page.evaluate<number>(
            `document.getElementById('${at}').getBoundingClientRect().top + scrollY - 16`,
          );
    const whole = await page.evaluate<number>('document.documentElement.scrollHeight');
    const { width } = views[view].viewport;
    const path = `${folder}${name}.png`;
    await page.screenshot({
      path,
      fullPage: true,
      clip: { x: 0, y, width, height: Math.min(height, whole - y) },
    });
    await page.close();
    process.stdout.write(`${path}\n`);
  }
} finally {
  await browser.close();
}
