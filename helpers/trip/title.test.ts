import { describe, expect, it } from 'vitest';
import { titleOf } from './title.ts';

describe('titleOf', () => {
  it.each([
    ['<html><title>Wikipedia, the free encyclopedia</title>', 'Wikipedia, the free encyclopedia'],
    ['<title>a</title><title>b</title>', 'a'],
    ['\n<head>\n<title>a</title>\n<svg><title>b</title></svg>', 'a'],
    ['<title></title>', ''],
    ['<title>Q &amp; A &lt;&#39;&#x201c;&quot;&gt; &mdash; &unknown;</title>', `Q & A <'“"> — &unknown;`],
    ['<title>&#0;&#x110000;</title>', '&#0;&#x110000;'],
  ])('finds the title of %j', (page, title) => {
    expect(titleOf(page)).toBe(title);
  });

  it.each(['', 'no page', '<title>open', '<title>\nof two lines</title>', '<TITLE>loud</TITLE>'])(
    'finds none in %j, as grep would not',
    (page) => {
      expect(titleOf(page)).toBeUndefined();
    },
  );
});
