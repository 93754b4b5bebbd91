// Whether a test can run our code as a user who is not root: root must start it, and that user must be able to enter the clone and Node's folder.
import { statSync } from 'node:fs'
import { dirname } from 'node:path'

const andAbove = (folder: string): readonly string[] => {
  const above = dirname(folder)
  return above === folder ? [folder] : [...andAbove(above), folder]
}

/** One sentence that says what is missing, or undefined. */
export const whyNotAsOther = (): string | undefined => {
  if (process.getuid?.() !== 0) return 'only root can be another user'
  const closed = [import.meta.dirname, dirname(process.execPath)]
    .flatMap(andAbove)
    .find(folder => (statSync(folder).mode & 0o001) === 0)
  return closed && `other users cannot enter ${closed}: clone elsewhere`
}
