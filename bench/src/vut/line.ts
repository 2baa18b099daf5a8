/**
 * What the processes of the VUT bench ask of a connection, whatever it is made of.
 */

/** The kinds of connections that are compared. */
export type LineKind =
  | 'plain_1200'
  | 'plain_search'
  | 'bare_1200'
  | 'bare_65507'
  | 'udx_noise'
  | 'tcp'
  | 'tls'

/** What a server does with what it gets: counts loads and answers each with one byte, or sends everything back. */
export type LineMode = 'sink' | 'echo'

/** A connection. */
export interface Line {
  /** Names what is told of bytes that arrive. */
  onBytes(got: (bytes: Uint8Array) => void): void
  /** Writes a few bytes. */
  write(bytes: Uint8Array): void
  /** Writes `chunk` again and again, `loadBytes` in all, as fast as the connection takes it. */
  writeLoad(chunk: Buffer, loadBytes: number): void
}

/** One side of a connection to be: it has a port, and connects when it knows the other's. */
export interface LineEnd {
  readonly port: number
  connect(farPort: number): Promise<Line>
}
