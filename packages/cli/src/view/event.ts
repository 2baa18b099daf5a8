/**
 * What a command tells while it works: the events of the live line, of the plain lines and of `--json`.
 *
 * Decides their names and fields. Invariant: an event holds plain values only, so that it is a line of JSON as it stands;
 * fields are added, never renamed, unless `EVENT_VERSION` changes.
 */

/** The version that each line of JSON names as `v`. */
export const EVENT_VERSION = 1

/** Where a connection stands. */
export type VPhase =
  /** Of a relay. */
  | 'listening'
  | 'draining'
  | 'gathering'
  | 'meeting'
  | 'authenticating'
  | 'exchanging'
  | 'punching'
  | 'relayed'
  | 'direct'
  /** The other side is asked whether it takes what is offered. */
  | 'offering'
  | 'transferring'
  | 'verifying'
  | 'done'

/** What there is to type on the other side. */
export interface VCodeEvent {
  readonly type: 'code'
  readonly code: string
  /** The whole line: `vut recv 7-lantern-orchard`. */
  readonly command: string
}

/** A phase has begun. */
export interface VPhaseEvent {
  readonly type: 'phase'
  readonly phase: VPhase
  /** More about it, for `-v`. */
  readonly detail?: string
}

/** Bytes go this way from now on. */
export interface VPathEvent {
  readonly type: 'path'
  readonly kind: 'direct' | 'relay'
  /** The version of IP. */
  readonly family?: 4 | 6
  /** There and back, in ms. */
  readonly rttMs?: number
  /** The relay's name. */
  readonly relay?: string
  /** Why it is relayed. */
  readonly why?: string
}

/** So much has gone through. */
export interface VProgressEvent {
  readonly type: 'progress'
  readonly bytes: number
  /** All there will be, where that is known. */
  readonly totalBytes?: number
  /** What is on its way: a file's name. */
  readonly name?: string
}

/** Something that the other side has said. */
export interface VPeerEvent {
  readonly type: 'peer'
  readonly text: string
}

/** Something that the person should know, and that ends nothing. */
export interface VWarningEvent {
  readonly type: 'warning'
  readonly text: string
}

/** How it came about, step by step: shown with `-v` only. */
export interface VDetailEvent {
  readonly type: 'detail'
  readonly text: string
}

/** It is over and all went well. */
export interface VDoneEvent {
  readonly type: 'done'
  readonly bytes: number
  readonly seconds: number
  /** How many files, where files were sent. */
  readonly files?: number
  /** SHA-256 of the one file, in hexadecimal digits, where `--sha256` asks for it. */
  readonly digest?: string
  /** A last line of the command's own. */
  readonly text?: string
}

/** It is over and went wrong. */
export interface VErrorEvent {
  readonly type: 'error'
  readonly exitCode: number
  readonly what: string
  readonly help: string
}

/** One event. */
export type VCliEvent =
  | VCodeEvent
  | VPhaseEvent
  | VPathEvent
  | VProgressEvent
  | VPeerEvent
  | VWarningEvent
  | VDetailEvent
  | VDoneEvent
  | VErrorEvent
