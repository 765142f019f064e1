import { describe, expect, it } from 'vitest';
import { Fixtures, squidConfigurationOf, words } from './fixtures.ts';
import { sections, withNeeds } from './step.ts';
import { documentSteps } from './steps.ts';
import { controlSteps, allSteps } from '../steps.ts';
import { traceability } from './traceability.ts';

const documentText = (): Promise<string> => new Fixtures().text('document/page.zh.txt');
const squeeze = (text: string): string => text.replace(/\s+/g, ' ');

describe('the steps', () => {
  it('have the ids that reports and other people refer to', () => {
    expect(documentSteps.map(({ id }) => id)).toEqual([
      ...['BEFORE-1', 'BEFORE-2', 'BEFORE-3'],
      ...['PROXY-1', 'PROXY-2', 'PROXY-3', 'PROXY-4', 'PROXY-5', 'PROXY-6', 'PROXY-7', 'PROXY-8', 'PROXY-9'],
      ...['MESH-1', 'MESH-2', 'MESH-3', 'MESH-4'],
      'WHY-1',
      ...['CLEAN-1', 'CLEAN-2', 'CLEAN-3', 'CLEAN-4', 'CLEAN-5', 'CLEAN-6'],
    ]);
  });

  it('cover every section of the document, in its order', async () => {
    const page = await documentText();
    const headings = Object.values(sections);
    const positions = headings.map((heading) => page.search(new RegExp(`^${heading}$`, 'm')));
    expect(positions).not.toContain(-1);
    expect(positions).toEqual([...positions].sort((a, b) => a - b));
    const covered = new Set(documentSteps.map(({ section }) => section));
    expect([...covered]).toEqual(Object.keys(sections));
  });

  it('quote their commands and claims word for word', async () => {
    const page = squeeze(await documentText());
    for (const { id, commands, claims = [] } of documentSteps) {
      for (const quote of [...commands, ...claims]) expect(page, `${id}: ${quote}`).toContain(squeeze(quote));
    }
  });

  it('leave no command of the document out', async () => {
    let page = squeeze(await documentText());
    for (const { commands } of documentSteps) {
      for (const command of commands) page = page.replaceAll(squeeze(command), '');
    }
    expect(page.match(/\$ (kubectl|export|cat|rm|istioctl)[^$]*/g)).toBeNull();
  });

  it('need only steps that come before them, controls included', () => {
    const seen = new Set<string>();
    for (const { id, needs } of allSteps) {
      for (const need of needs) expect(seen, `${id} needs ${need}`).toContain(need);
      seen.add(id);
    }
  });

  it('can be chosen with what they need, in order', () => {
    expect(withNeeds(documentSteps, ['PROXY-6']).map(({ id }) => id)).toEqual([
      'BEFORE-1',
      'PROXY-1',
      'PROXY-2',
      'PROXY-3',
      'PROXY-4',
      'PROXY-6',
    ]);
  });
});

describe("the document's squid.conf", () => {
  it('is found in the page', async () => {
    expect(squidConfigurationOf(await documentText()).join(' ')).toMatch(
      /^http_port 3128 .*coredump_dir \S+$/,
    );
  });

  it('is missed when the page has none', () => {
    expect(() => squidConfigurationOf('nothing')).toThrow('no here-document');
    expect(words(' a\n b ')).toEqual(['a', 'b']);
  });
});

describe('docs/traceability.md', () => {
  it('is as generated (npm run generate)', async () => {
    await expect(traceability(controlSteps)).toMatchFileSnapshot('../../docs/traceability.md');
  });
});
