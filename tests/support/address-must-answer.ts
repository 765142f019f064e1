import { once } from 'node:events';
import { connect } from 'node:net';

/** @throws Error when nothing accepts a connection there */
export async function addressMustAnswer(host: string, port: number): Promise<void> {
  const socket = connect({ host, port });
  try {
    await once(socket, 'connect');
  } finally {
    socket.destroy();
  }
}
