// A folder that somebody keeps on the volume: read where it is. Nothing is ever written, linked or deleted in it.
import { join } from 'node:path'
import { toLocalPath, toRepoPath } from '../../domain/names.ts'
import { WorkError } from '../outcome.ts'
import { stagingOf } from './receipt.ts'
import type { Place, Store } from './store.ts'

export const openLocalFolder = ({ layout, name, owner }: Place): Store => {
  const folder = join(layout.root, toLocalPath(name))
  return {
    staging: stagingOf(layout, owner),
    pathOf: () => folder,
    shownAt: (_, { path }) => join(folder, toRepoPath(path)),
    isShown: async () => true,
    findBlob: async () => undefined,
    putBlob: refuse,
    shareBlob: async () => undefined,
    publish: refuse,
    findFault: async () => undefined,
    withdraw: async () => 0,
  }
}

const refuse = async (): Promise<never> => {
  throw new WorkError('Unexpected', 'nothing is written into a folder that somebody else keeps')
}
