import { readFileSync } from 'node:fs';
import type { Child } from 'hono/jsx';

const style = readFileSync(new URL('./page.css', import.meta.url), 'utf8');

/**
 * Nothing on the page may run or be fetched, whatever a log line that got into it says: the second lock beside the
 * escaping, which JSX does for every text and every attribute.
 */
const policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

export interface Section {
  readonly id: string;
  readonly title: string;
  readonly content: Child;
}

interface DocumentProps {
  readonly title: string;
  readonly head: Child;
  readonly sections: readonly Section[];
  readonly foot: Child;
}

function Document({ title, head, sections, foot }: DocumentProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content={policy} />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{title}</title>
        <style
          // The stylesheet is a file of this folder, not input.
          dangerouslySetInnerHTML={{ __html: style }}
        />
      </head>
      <body>
        <a class="skip" href="#content">
          Skip to the content
        </a>
        <header class="bar">
          <span class="brand">Istio external proxy conformance</span>
        </header>
        <div class="columns">
          <nav aria-label="Sections of this page">
            <ul>
              {sections.map(({ id, title: name }) => (
                <li key={id}>
                  <a href={`#${id}`}>{name}</a>
                </li>
              ))}
            </ul>
          </nav>
          <main id="content">
            {head}
            {sections.map(({ id, title: name, content }) => (
              <section key={id} id={id} aria-labelledby={`${id}-title`}>
                <h2 id={`${id}-title`}>{name}</h2>
                {content}
              </section>
            ))}
          </main>
        </div>
        <footer>{foot}</footer>
      </body>
    </html>
  );
}

/** A page as the text of one file, without anything to load. */
export async function documentOf(props: DocumentProps): Promise<string> {
  const page = await (<Document {...props} />);
  return `<!doctype html>\n${page.toString()}\n`;
}
