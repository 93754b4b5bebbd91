import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { modelPhases, runtimePhases } from '../src/domain/decision.ts'
import { modelRules } from '../src/domain/model-rules.ts'
import { runtimeRules } from '../src/domain/runtime-rules.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const source = join(root, 'src')

interface Import {
  readonly from: string
  readonly to: string
  readonly isType: boolean
}

const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter(file => file.endsWith('.ts'))
  .sort()
const textOf = (file: string): string => readFileSync(join(source, file), 'utf8')

const statement =
  /^(?:import|export)\s+(type\s)?[^;]*?from\s+'([^']+)'|^import\s+'([^']+)'|import\('([^']+)'\)/gm

const importsOf = (file: string): Import[] =>
  [...textOf(file).matchAll(statement)].map(([, type, a, b, c]) => {
    const target = a ?? b ?? c ?? ''
    const to = target.startsWith('.')
      ? relative(source, resolve(dirname(join(source, file)), target))
      : target
    return { from: file, to, isType: type !== undefined }
  })

const imports = files.flatMap(importsOf)

/** The room a file stands in: its folder, a platform's own folder, or its name on the top floor. */
const roomOf = (file: string): string => {
  const [first = '', second] = file.split('/')
  return first === 'platform' ? `platform/${second}` : first
}

const isOurs = ({ to }: Import): boolean => to.endsWith('.ts')

const allowed: Record<string, { rooms: readonly string[]; packages: readonly string[] }> = {
  domain: { rooms: [], packages: ['zod'] },
  telemetry: { rooms: ['domain'], packages: ['pino', 'prom-client', 'node:'] },
  'settings.ts': { rooms: ['domain'], packages: ['zod'] },
  controller: { rooms: ['domain', 'telemetry'], packages: ['node:'] },
  'platform/kubernetes': {
    rooms: ['domain', 'telemetry'],
    packages: ['@kubernetes/client-node', 'undici', 'node:'],
  },
  'platform/host': { rooms: ['domain', 'telemetry'], packages: ['yaml', 'node:'] },
  'platform/memory': { rooms: ['domain', 'telemetry'], packages: ['node:'] },
  api: { rooms: ['domain', 'telemetry'], packages: ['fastify', 'zod', 'node:'] },
  cli: { rooms: ['domain', 'api'], packages: ['commander', 'yaml', 'node:'] },
  engines: { rooms: ['domain', 'telemetry'], packages: ['node:'] },
  embedded: { rooms: ['domain', 'telemetry'], packages: ['zod', 'node:', 'embedded/llama-cpp.lock.json'] },
  worker: { rooms: ['domain', 'telemetry'], packages: ['zod', 'undici', '@huggingface/hub', 'node:'] },
}

const isAllowed = (one: Import): boolean => {
  const room = roomOf(one.from)
  if (room === 'main.ts' || room === 'program') return true
  const rule = allowed[room]
  if (!rule) return false
  if (isOurs(one)) return roomOf(one.to) === room || rule.rooms.includes(roomOf(one.to))
  return rule.packages.some(name => (name.endsWith(':') ? one.to.startsWith(name) : one.to === name))
}

/** Every circle of imports that exist when the program runs, as the files it goes through. */
const findCircle = (): string[] | undefined => {
  const arrows = new Map(files.map(file => [file, importsOf(file).filter(one => isOurs(one) && !one.isType)]))
  const done = new Set<string>()
  const walk = (file: string, path: string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file]
    if (done.has(file)) return undefined
    for (const { to } of arrows.get(file) ?? []) {
      const circle = walk(to, [...path, file])
      if (circle) return circle
    }
    done.add(file)
    return undefined
  }
  for (const file of files) {
    const circle = walk(file, [])
    if (circle) return circle
  }
  return undefined
}

const whereIs = (pattern: RegExp): string[] =>
  files.filter(file => pattern.test(textOf(file).replace(/^\s*(\/\/|\*|\/\*).*$/gm, '')))

describe('The house', () => {
  it('has only the arrows that docs/architecture.md allows', () => {
    expect(imports.filter(one => !isAllowed(one)).map(one => `${one.from} → ${one.to}`)).toEqual([])
  })

  it('has no circle of imports', () => {
    expect(findCircle()).toBeUndefined()
  })

  it('names no file or folder after a word without a meaning', () => {
    const banned =
      /^(utils?|helpers?|common|shared|misc|base|core|lib|types|interfaces|constants|classes|manager|service|handler|processor)$/
    const words = files.flatMap(file => file.replace(/\.ts$/, '').split('/'))
    expect(words.filter(word => banned.test(word))).toEqual([])
  })

  it('opens each file with its charter', () => {
    expect(files.filter(file => !/^(\/\/ |\/\*\*)/.test(textOf(file)))).toEqual([])
  })
})

describe('A fact has one home', () => {
  it.each([
    ['the environment is read in settings.ts', /process\.env/, ['settings.ts']],
    ['the domain asks no clock', /Date\.now\(\)|new Date\(\)/, []],
  ] as const)('%s', (_, pattern, homes) => {
    const found = whereIs(pattern).filter(
      file => pattern.source.startsWith('process') || file.startsWith('domain/'),
    )
    expect(found).toEqual(homes)
  })

  it('status is written by report.ts alone', () => {
    const found = whereIs(/\.write(Model|Runtime)Status\(/).filter(file => !file.startsWith('platform/'))
    expect(found).toEqual(['controller/report.ts'])
  })

  it('conditions are put together in status.ts', () => {
    expect(whereIs(/mergeConditions\(/)).toEqual(['domain/status.ts'])
  })
})

describe('The documented life cycles', () => {
  const documented = (title: string): string[] => {
    const text = readFileSync(join(root, 'docs/lifecycle.md'), 'utf8')
    const part = text.slice(text.indexOf(title)).split(/\n\n(?!\|)/)[0] ?? ''
    const rows = [...part.matchAll(/^\| ([A-Z][A-Za-z, ]+) \|/gm)].map(([, cell = '']) => cell)
    return rows.flatMap(cell => cell.split(', ')).filter(cell => cell !== 'Phase')
  }

  it('list the phases of a Model in the order of its rules', () => {
    expect(modelRules.map(([name]) => name)).toEqual([...modelPhases])
    expect(documented('## Model:')).toEqual([...modelPhases])
  })

  it('list the phases of a Runtime in the order of its rules', () => {
    expect(runtimeRules.map(([name]) => name)).toEqual([...runtimePhases])
    expect(documented('## Runtime:')).toEqual([...runtimePhases])
  })
})
