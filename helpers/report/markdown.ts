/** Text that stays within its cell or line and is no markup: reasons hold what logs and programs said. */
export function inCell(text: string): string {
  return (
    text
      .replace(/[\r\n]+/g, ' ')
      .replace(/[\\`*_[\]|~]/g, '\\$&')
      .replace(/&/g, '&amp;')
      .replace(/</g, '&lt;')
      .replace(/>/g, '&gt;')
      // Neither a mention of somebody nor a reference to an issue.
      .replace(/[@#](?=\w)/g, '$&\u200b')
  );
}
