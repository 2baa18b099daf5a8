/**
 * The trace of a connection, in the terms of qlog.
 *
 * An engine tells what happens by name with some plain values; a writer (the driver's) makes the JSON that tools read.
 * Invariant: no secret, key, token or payload is ever passed to a trace.
 */

/** Takes the events of one connection. */
export interface IVTrace {
  /**
   * One event. `name` is that of the qlog schema ('transport:packet_sent', 'recovery:metrics_updated', ...), or begins
   * with 'vut:' where the schema has none. `data` belongs to the receiver.
   */
  event(now: number, name: string, data: Readonly<Record<string, unknown>>): void
}
