/**
 * The text of a container's log. Without a terminal the engine puts eight bytes before each piece: the stream
 * (0 to 2), three zeros, the length.
 */
export function plainLog(log: Buffer): string {
  const pieces: Buffer[] = [];
  for (let position = 0; position < log.length;) {
    const header = log.subarray(position, position + 8);
    if (header.length < 8 || header.readUInt32BE(0) & 0xfcffffff) return log.toString('utf8');
    const length = header.readUInt32BE(4);
    pieces.push(log.subarray(position + 8, position + 8 + length));
    position += 8 + length;
  }
  return Buffer.concat(pieces).toString('utf8');
}
