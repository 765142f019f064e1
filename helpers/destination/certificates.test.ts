import { createServer, connect } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { makeServerCertificate } from './certificates.ts';

describe('makeServerCertificate', () => {
  it('makes a chain that a TLS client accepts for that host alone', async () => {
    const { ca, certificate, key } = await makeServerCertificate('en.wikipedia.org');
    const server = createServer({ cert: certificate, key }, (socket) => socket.end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    try {
      const trusted = connect({ port, host: '127.0.0.1', servername: 'en.wikipedia.org', ca });
      await once(trusted, 'secureConnect');
      expect(trusted.authorized).toBe(true);
      trusted.destroy();
      const other = connect({ port, host: '127.0.0.1', servername: 'de.wikipedia.org', ca });
      const [error] = (await once(other, 'error')) as [Error];
      expect(error.message).toMatch(/does not match certificate/);
      const stranger = connect({ port, host: '127.0.0.1', servername: 'en.wikipedia.org' });
      const [untrusted] = (await once(stranger, 'error')) as [Error];
      expect(untrusted.message).toMatch(/unable to verify|self-signed/);
    } finally {
      server.close();
    }
  });
});
