/**
 * The filter that docs/writing-a-filter.md writes: text of hexadecimal digits to the bytes that it stands for.
 */
import { type IVTransform, type VByteBuffer, VIOMalformed } from '@vio/io'

// #region filter
/** Reads pairs of hexadecimal digits, and gives the bytes that they stand for. */
export class HexDecoder implements IVTransform {
  readonly maxUnit = 2

  push(input: VByteBuffer, output: VByteBuffer): void {
    const pairs = input.length - (input.length % 2)
    const text = input.pop(pairs).toString('latin1')
    const bytes = Buffer.from(text, 'hex') // stops at the first pair that is none
    if (bytes.length * 2 < pairs) throw new VIOMalformed(`no digits after ${bytes.length} pairs`)
    output.append(bytes)
  }
}
// #endregion filter
