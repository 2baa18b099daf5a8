/**
 * What `vut doctor` finds out, and what follows from it.
 *
 * Decides the form of the report, the prospects and the advice; looking is `examine`'s. Pure: the same findings give the
 * same words. Invariant: what could not be found out is told as unknown, and no advice rests upon it.
 */
import type { VAddressScope, VNatBehaviour } from '@vio/nat'

/** The version of the report's form. */
export const REPORT_VERSION = 1

/** One address of this machine. */
export interface AddressFinding {
  readonly address: string
  readonly interface: string
  readonly scope: VAddressScope
}

/** What the world looks like through one version of IP. */
export interface FamilyFinding {
  readonly family: 4 | 6
  /** Whether datagrams come back from the relay. */
  readonly udp: boolean
  /** This side's address as the relay sees it, where it does. */
  readonly outside?: string
  /** There and back, in ms. */
  readonly rttMs?: number
  readonly translates: boolean
  readonly mapping: VNatBehaviour['mapping']
  readonly filtering: VNatBehaviour['filtering']
  readonly ports: VNatBehaviour['ports']
  /** The largest UDP payload that came through and was answered, in bytes. */
  readonly largestDatagram?: number
}

/** One relay. */
export interface RelayFinding {
  readonly name: string
  readonly reachable: boolean
  /** Until its first word, in ms. */
  readonly rttMs?: number
  /** How many addresses it has to be asked at. Two at least tell the kind of a NAT. */
  readonly stunAddresses?: number
  readonly error?: string
}

/** Whether a router opens ports. */
export interface PortMappingFinding {
  readonly router?: string
  readonly protocol?: string
  /** The address that it opened, for the time of the examination. */
  readonly external?: string
  readonly available: boolean
}

/** All findings. */
export interface DoctorReport {
  readonly v: typeof REPORT_VERSION
  readonly addresses: readonly AddressFinding[]
  /** The largest packet of the interface that leads out, in bytes. */
  readonly interfaceMtu?: number
  readonly relays: readonly RelayFinding[]
  readonly families: readonly FamilyFinding[]
  readonly portMapping: PortMappingFinding
  /** How a connection with most others would come about. */
  readonly outlook: Outlook
  /** What to change, the most useful first. */
  readonly advice: readonly string[]
}

/** What is to be expected. */
export type Outlook =
  /** Straight to almost everybody. */
  | 'direct'
  /** Straight to those whose own NAT is not of the hard kind. */
  | 'direct-mostly'
  /** By way of the relay. */
  | 'relay'
  /** Nobody can be met. */
  | 'none'
  /** Without a relay little can be found out. */
  | 'unknown'

/** A report without what follows from it. */
export type Findings = Omit<DoctorReport, 'v' | 'outlook' | 'advice'>

/** Draws the conclusions. */
export function conclude(findings: Findings): DoctorReport {
  const outlook = outlookOf(findings)
  return { v: REPORT_VERSION, ...findings, outlook, advice: adviceOf(findings, outlook) }
}

function outlookOf({ relays, families, portMapping, addresses }: Findings): Outlook {
  if (relays.length === 0) return 'unknown'
  if (!relays.some(({ reachable }) => reachable)) return 'none'
  const open = families.filter(({ udp }) => udp)
  if (open.length === 0) return 'relay'
  const isEasy = open.some(({ mapping, translates }) => !translates || mapping === 'endpoint-independent')
  const hasGlobal6 = open.some(({ family }) => family === 6) && addresses.some(isGlobal6)
  if (isEasy || portMapping.available || hasGlobal6) return 'direct'
  // What could not be found out is tried all the same.
  return 'direct-mostly'
}

function adviceOf(findings: Findings, outlook: Outlook): string[] {
  const { relays, families, portMapping, addresses, interfaceMtu } = findings
  const advice: string[] = []
  if (relays.length === 0)
    advice.push(
      'name a relay by --relay HOST or VUT_RELAY; "vut relay" is one, on a host that both sides reach',
    )
  for (const { name, reachable, error } of relays)
    if (!reachable)
      advice.push(
        `the relay ${name} cannot be reached (${error ?? 'no answer'}): see its address, and whether TCP gets out`,
      )
  if (relays.some(({ stunAddresses }) => stunAddresses === 1))
    advice.push(
      'to tell what kind of NAT this is, the relay has to listen on two addresses or ports: give it --listen twice',
    )
  if (outlook === 'relay')
    advice.push(
      'UDP does not get out or back: let UDP through to the port of the relay; until then everything is relayed by TCP',
    )
  const hard = families.find(({ udp, mapping }) => udp && isHard(mapping))
  if (hard !== undefined && !portMapping.available)
    advice.push(
      'the NAT chooses a new port for each destination: let one UDP port in, as 5000, and give --port 5000; or use IPv6',
    )
  if (
    portMapping.router !== undefined &&
    !portMapping.available &&
    families.some(({ translates }) => translates)
  )
    advice.push(
      `the router ${portMapping.router} opens no ports: switch PCP, NAT-PMP or UPnP on there, if it is yours`,
    )
  if (addresses.some(({ scope }) => scope === 'shared'))
    advice.push(
      'there is a NAT of the provider in the way: ask there for an address of your own, or for IPv6',
    )
  if (!addresses.some(isGlobal6))
    advice.push('there is no IPv6: where both sides have it, no NAT stands between them')
  const least = Math.min(...families.flatMap(({ largestDatagram }) => largestDatagram ?? []))
  if (least < 1200 || (interfaceMtu ?? 1500) < 1280)
    advice.push(
      'datagrams of 1200 bytes do not pass, which VUT takes for granted: see the MTU of tunnels on the way',
    )
  if (outlook === 'relay') advice.push('meanwhile "--path relay" saves the time of looking for a direct path')
  return advice
}

function isHard(mapping: VNatBehaviour['mapping']): boolean {
  return mapping === 'address-dependent' || mapping === 'address-and-port-dependent'
}

function isGlobal6({ address, scope }: AddressFinding): boolean {
  return scope === 'global' && address.includes(':')
}
