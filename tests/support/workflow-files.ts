import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The files that GitHub reads, by their paths in the checkout, with their texts. */
export const workflowFiles: ReadonlyMap<string, string> = new Map(
  ['action.yml', ...globSync('.github/workflows/*.yml', { cwd: root })]
    .sort()
    .map((file) => [file, readFileSync(join(root, file), 'utf8')]),
);

/** `uses: OWNER/NAME@REF # COMMENT`, or `uses: ./PATH`, which has neither ref nor comment. */
export interface Used {
  readonly file: string;
  readonly name: string;
  readonly ref: string;
  readonly comment: string;
}

/** Every action and workflow that they use. */
export function usedActions(): Used[] {
  return [...workflowFiles].flatMap(([file, text]) =>
    [...text.matchAll(/^[\s-]*uses: *([^@\s]+)(?:@(\S+))?(?: +# *(.*))?$/gm)].map(
      ([, name = '', ref = '', comment = '']) => ({ file, name, ref, comment }),
    ),
  );
}
