// The files of this program where they are installed: the bundle with its parts, the word that starts it, what completes it in a shell.
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'

export type Shell = 'bash' | 'zsh' | 'fish'

/** What a shell loads by itself for the command, under a folder of its data. */
export const completionNames: Readonly<Record<Shell, string>> = {
  bash: 'bash-completion/completions/switchyard',
  zsh: 'zsh/site-functions/_switchyard',
  fish: 'fish/vendor_completions.d/switchyard.fish',
}

export const whyNoBundle = (bundle: string): string | undefined =>
  bundle.endsWith('.mjs')
    ? undefined
    : 'what runs is the source: run npm run build, then node dist/switchyard.mjs install'

export const copyBundle = (bundle: string, folder: string): void => {
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  const from = dirname(bundle)
  if (realpathSync(from) === realpathSync(folder)) return
  for (const name of readdirSync(from).filter(name => name.endsWith('.mjs')))
    replaceFile(join(from, name), join(folder, name))
}

/** Beside the old one, then in its place: what runs keeps the file that it has open. */
export const replaceFile = (from: string, to: string, mode = 0o644): void => {
  copyFileSync(from, `${to}.new`)
  chmodSync(`${to}.new`, mode)
  renameSync(`${to}.new`, to)
}

export const writeLauncher = (path: string, program: readonly string[]): void => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `#!/bin/sh\nexec ${program.map(quote).join(' ')} "$@"\n`)
  chmodSync(path, 0o755)
}

const quote = (word: string): string =>
  /^[\w/.+@~-]+$/.test(word) ? word : `'${word.replace(/'/g, "'\\''")}'`

export const writeFileAt = (path: string, text: string): void => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text, { mode: 0o644 })
}
