/**
 * Subjects whose hooks a case writes: elements that take or give units by overriding protected methods.
 *
 * A fixture subclasses the element and calls the script from each hook; where the script says nothing, the hook does what
 * it does by default.
 */
import type { VFailure } from '@vio/reactor'
import type { VIOControl } from '../../control.js'
import type { IVByteConsumer, IVByteProducer } from '../../types.js'
import type { VTestBench } from '../bench.js'
import { subjectCase } from './case.js'
import type { IVFlowUnits } from './flow.js'

/** What the hooks of a consuming element do. */
export interface IVConsumerScript {
  /** Takes a piece: a buffer, or a message. What it returns is the hook's answer. */
  received?(piece: unknown): unknown
  ended?(clean: boolean, reason: Error | undefined): void
  attached?(): void
  detached?(): void
  control?(): VIOControl
  aborted?(reason: Error | undefined): void
  closed?(reason: VFailure, wasAborted: boolean): void
}

/** A consuming element under test. */
export interface IVHookedConsumerSubject {
  readonly bench: VTestBench
  readonly units: IVFlowUnits
  readonly end: IVByteConsumer
  /** Calls the protected method of the same name. */
  setReceiveLimit(units: number | null): void
}

/** Makes a consuming element whose hooks do what the script says. */
export type VHookedConsumerFactory = (script: IVConsumerScript) => IVHookedConsumerSubject

/** What the hooks of a producing element do. */
export interface IVProducerScript {
  /** Gives units, by their numbers; anything but a list is what the hook returns as it is. */
  produce?(max: number): unknown
  pending?(): boolean
  attached?(): void
  detached?(): void
  control?(): VIOControl
  aborted?(reason: Error | undefined): void
}

/** A producing element under test. */
export interface IVHookedProducerSubject {
  readonly bench: VTestBench
  readonly units: IVFlowUnits
  readonly end: IVByteProducer
  /** Calls the protected method of the same name. */
  endProduce(clean: boolean, reason?: Error): void
  /** Calls the protected method of the same name. */
  triggerProduction(): void
}

/** Makes a producing element whose hooks do what the script says. */
export type VHookedProducerFactory = (script: IVProducerScript) => IVHookedProducerSubject

/** A case on a consuming element. */
export const hookedConsumerCase: typeof subjectCase<[IVConsumerScript], IVHookedConsumerSubject> = subjectCase

/** A case on a producing element. */
export const hookedProducerCase: typeof subjectCase<[IVProducerScript], IVHookedProducerSubject> = subjectCase
