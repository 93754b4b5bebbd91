// The first bytes of a weight file are judged while the rest is still on its way: a file that is not what it says is not fetched.
import { open } from 'node:fs/promises'
import { WorkError } from '../outcome.ts'
import { findGgufFault } from './gguf-header.ts'
import { findSafetensorsFault, safetensorsHeaderEnd } from './safetensors-header.ts'

/** 'More' when the bytes at hand are not enough, else what is wrong, else undefined. */
type Judge = (head: Buffer, fileSize: number) => string | undefined

const judgeSafetensors: Judge = (head, fileSize) => {
  const end = safetensorsHeaderEnd(head)
  const isShort = head.length < fileSize && (end === undefined || head.length < end)
  const isPossible = end === undefined || (end <= fileSize && end <= longestHead)
  return isShort && isPossible ? 'More' : findSafetensorsFault(head, fileSize)
}

const firstLook = 64 << 10
const longestHead = 128 << 20

export interface WeightFile {
  readonly path: string
  /** of an Ollama layer */
  readonly mediaType?: string
  readonly size: number
}

const judgeOf = ({ path, mediaType }: WeightFile): Judge | undefined => {
  if (/\.safetensors$/i.test(path)) return judgeSafetensors
  const isGguf = /\.gguf$/i.test(path) || mediaType === 'application/vnd.ollama.image.model'
  return isGguf ? findGgufFault : undefined
}

/** Looks at one file as it grows; every look but the last is cheap until more has come. */
export class HeadCheck {
  readonly #file: WeightFile
  readonly #target: string
  readonly #judge: Judge | undefined
  #next = firstLook

  constructor(file: WeightFile, target: string) {
    this.#file = file
    this.#target = target
    this.#judge = file.size > 0 ? judgeOf(file) : undefined
  }

  /** `front`: bytes from the start that are there. Throws WorkError UnsafeFormat when they cannot be what the name says. */
  async look(front: number): Promise<void> {
    const { size, path } = this.#file
    if (!this.#judge || front < Math.min(this.#next, size) || this.#next === Number.POSITIVE_INFINITY) return
    const verdict = this.#judge(await this.#read(Math.min(front, longestHead)), size)
    const isLast = front >= Math.min(size, longestHead)
    if (verdict === 'More' && !isLast) this.#next = Math.max(this.#next, front) * 2
    else if (verdict === undefined) this.#next = Number.POSITIVE_INFINITY
    else
      throw new WorkError(
        'UnsafeFormat',
        `${path}: ${verdict === 'More' ? 'its header does not end' : verdict}`,
      )
  }

  async #read(length: number): Promise<Buffer> {
    const file = await open(this.#target, 'r')
    try {
      const head = Buffer.allocUnsafe(length)
      const { bytesRead } = await file.read(head, 0, length, 0)
      return head.subarray(0, bytesRead)
    } finally {
      await file.close()
    }
  }
}
