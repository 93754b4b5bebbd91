// Runs a program under strace and reads what it did to files: each call that ended well, with the lines it began and ended at.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'

export interface Call {
  readonly name: string
  /** quoted arguments, in order */
  readonly texts: readonly Buffer[]
  /** what stands between the quoted arguments, without their content */
  readonly words: string
  readonly result: number
  /** lines of the trace: what began later than another's end came after it */
  readonly begun: number
  readonly ended: number
}

const traced =
  'open,openat,creat,close,write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,fsync,fdatasync,' +
  'rename,renameat,renameat2,mkdir,mkdirat,symlink,symlinkat,link,linkat,unlink,unlinkat,rmdir'

/** Undefined when programs can be traced here, else why not. */
export const whyNoTrace = (): string | undefined => {
  const tried = spawnSync('strace', ['-qq', '-e', 'trace=close', 'true'], { encoding: 'utf8' })
  if (tried.error) return 'strace is not installed'
  return tried.status === 0 ? undefined : `strace cannot trace here: ${tried.stderr.slice(0, 200)}`
}

/** Resolves with the calls of all threads. Throws when the program did not end with 0. */
export const traceProgram = async (words: readonly string[], file: string): Promise<readonly Call[]> => {
  const [program = '', ...rest] = words
  const how = ['-f', '-qq', '-xx', '-s', '4000000', '-o', file, '-e', `trace=${traced}`]
  const child = spawn('strace', [...how, program, ...rest], { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.on('data', chunk => {
    said += chunk
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`the traced program ended with ${code}: ${said.slice(-500)}`)
  return readTrace(readFileSync(file, 'latin1'))
}

const readTrace = (text: string): Call[] => {
  const open = new Map<string, { readonly begun: number; readonly head: string }>()
  const calls: Call[] = []
  text.split('\n').forEach((line, at) => {
    const [, thread = '', what = ''] = /^(\d+) +(.*)$/.exec(line) ?? []
    if (what.endsWith(' <unfinished ...>')) {
      const head = what.slice(0, -' <unfinished ...>'.length)
      open.set(thread, { begun: at, head })
      // another thread may be given the same number before the line that ends this call
      if (head.startsWith('close(')) calls.push(toCall(`${head}) = 0`, at, at)!)
      return
    }
    const resumed = /^<\.\.\. (\w+) resumed>(.*)$/.exec(what)
    const before = resumed && open.get(thread)
    if (resumed?.[1] === 'close') return
    const call = before ? toCall(before.head + resumed[2], before.begun, at) : toCall(what, at, at)
    if (call) calls.push(call)
  })
  return calls
}

const toCall = (text: string, begun: number, ended: number): Call | undefined => {
  const [, name, args, result] = /^(\w+)\((.*)\) += (-?\d+)/.exec(text) ?? []
  if (!name || args === undefined || Number(result) < 0) return undefined
  const texts: Buffer[] = []
  const words = args.replace(/"((?:\\x[0-9a-f]{2})*)"/g, (_, hex: string) => {
    texts.push(Buffer.from(hex.replaceAll('\\x', ''), 'hex'))
    return '""'
  })
  return { name, texts, words, result: Number(result), begun, ended }
}
