import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import { inCache } from '../../cache.ts';

const kept = 25;

/** Everything that tools and engine say during one build, in a file; the last lines of each step at hand. */
export class BuildLog implements AsyncDisposable {
  readonly path: string;
  private readonly stream: WriteStream;
  private readonly last = new Map<string, string[]>();

  private constructor(path: string) {
    this.path = path;
    this.stream = createWriteStream(path, { flags: 'a' });
    // A full disk must fail the step that fills it, not its log.
    this.stream.on('error', () => undefined);
  }

  static async open(now = new Date()): Promise<BuildLog> {
    await mkdir(inCache('logs'), { recursive: true });
    return new BuildLog(inCache('logs', `build-${now.toISOString().replace(/[:.]/g, '-')}.log`));
  }

  line(step: string, text: string): void {
    const line = text.trimEnd();
    if (line === '') return;
    this.stream.write(`[${step}] ${line}\n`);
    const lines = this.last.get(step) ?? [];
    lines.push(line);
    if (lines.length > kept) lines.shift();
    this.last.set(step, lines);
  }

  tail(step: string): readonly string[] {
    return this.last.get(step) ?? [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stream.end();
    await finished(this.stream).catch(() => undefined);
  }
}
