import { ActionableError } from '../helpers/errors.ts';
import { trackIssue } from '../helpers/report/tracking-issue.ts';

/** scripts/tracking-issue SUMMARY RESULT... Exit codes: 2 bad usage, 3 GitHub does not answer or refuses. */
try {
  process.stderr.write(`${await trackIssue(process.argv.slice(2), process.env)}\n`);
} catch (error) {
  if (!(error instanceof ActionableError)) throw error;
  process.stderr.write(`${error.message}\n${error.hint}\n`);
  process.exitCode = error.exitCode;
}
