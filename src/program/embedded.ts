// `switchyard embedded`: the engine inside the program, as a process of its own.
import { embeddedMain } from '../embedded/entry.ts'
import { readEmbeddedSettings } from '../settings.ts'

export const embedded = (words: readonly string[]): Promise<number> =>
  embeddedMain(words, readEmbeddedSettings())
