import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

interface Connection {
  readonly socket: Socket;
  answers: number;
}

/**
 * Bounds a server's connections and keeps some of them free: where fewer are, whoever comes closes the connection that
 * idled longest. One that waits for an answer or was upgraded is never closed.
 */
export function keepRoom(
  server: Server,
  { connectionsMax, freeMin }: { connectionsMax: number; freeMin: number },
): void {
  const connections = new Map<string, Connection>();
  /** Idle the longest first. */
  const idle = new Set<Connection>();
  server.maxConnections = connectionsMax;

  server.on("connection", (socket: Socket) => {
    const name = nameOf(socket);
    const connection = { socket, answers: 0 };
    const [longest] = idle;
    connections.set(name, connection);
    idle.add(connection);
    socket.once("close", () => {
      connections.delete(name);
      idle.delete(connection);
    });
    if (longest === undefined || connections.size <= connectionsMax - freeMin) return;
    idle.delete(longest);
    longest.socket.destroy();
  });

  server.on("request", ({ socket }: IncomingMessage, response: ServerResponse) => {
    const connection = connections.get(nameOf(socket));
    if (connection === undefined) return;
    connection.answers += 1;
    idle.delete(connection);
    response.once("close", () => {
      connection.answers -= 1;
      if (connection.answers === 0 && !connection.socket.destroyed) idle.add(connection);
    });
  });

  server.on("upgrade", ({ socket }: IncomingMessage) => {
    const connection = connections.get(nameOf(socket));
    if (connection !== undefined) idle.delete(connection);
  });
}

/** The same for a TLS socket and the plain one below it, which know nothing of each other. */
function nameOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}
