import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { redact } from './redact.ts';

/** The folder of one bundle. Everything that gets into it goes through {@link Bundle.write}, and so through redact. */
export class Bundle {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async write(file: string, text: string): Promise<void> {
    const path = join(this.#folder, file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, redact(text));
  }
}
