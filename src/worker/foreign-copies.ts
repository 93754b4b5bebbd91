// Which copies below a folder hold bytes that somebody else put there: whoever would delete the folder asks first.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ifThere } from './layout/disk.ts'
import { readReceipts } from './layout/receipt.ts'

/** The folder itself, a volume of each Runtime, and one level between. */
const deepest = 2

/** Their names, sorted. Throws Volume when a receipt cannot be read: what it holds is unknown. */
export const foreignCopies = async (folder: string): Promise<readonly string[]> => {
  const names = new Set<string>()
  for (const root of await rootsIn(folder, deepest)) {
    for (const { receipt } of await readReceipts({ root, kind: 'HubCache', path: root }))
      if (receipt.isAdopted || receipt.files.some(file => file.origin === 'Found'))
        names.add(receipt.source.name)
  }
  return [...names].sort()
}

const rootsIn = async (folder: string, levels: number): Promise<readonly string[]> => {
  const below = (await ifThere(readdir(folder, { withFileTypes: true }))) ?? []
  const folders = below.filter(entry => entry.isDirectory() && entry.name !== '.switchyard')
  const own = below.some(entry => entry.isDirectory() && entry.name === '.switchyard') ? [folder] : []
  if (levels === 0) return own
  const others = await Promise.all(folders.map(({ name }) => rootsIn(join(folder, name), levels - 1)))
  return [...own, ...others.flat()]
}
