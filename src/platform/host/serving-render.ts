// A Runtime and a launch → the words and the environment that its engine is started with. Pure.
import type { ContainerSight, Launch } from '../../domain/engine.ts'
import type { Runtime } from '../../domain/object.ts'
import type { VolumeView } from '../../domain/platform.ts'
import type { Hardening } from '../../domain/runtime-host.ts'

/** What a process is started with; two that are equal need no restart. */
export interface Template {
  /** hash of the recipe; absent before any model */
  readonly recipe?: string
  readonly words: readonly string[]
  /** beside the environment of the settings */
  readonly environment: Readonly<Record<string, string>>
  readonly port: number
  /** of its unit; absent: Strict */
  readonly hardening?: Hardening
}

/** Nobody but this machine: who wants more says `--host` or OLLAMA_HOST. */
const loopback = '127.0.0.1'

/** Stands for the program that runs now, wherever it lies. */
export const ownProgram = 'switchyard'

const programs = {
  VLLM: ['vllm', 'serve', '--host', loopback],
  Ollama: ['ollama', 'serve'],
  LlamaCpp: [ownProgram, 'embedded', 'serve', '--host', loopback],
} as const

const defaultPorts = { VLLM: 8000, Ollama: 11_434, LlamaCpp: 8080 } as const

export const portOf = ({ spec }: Runtime): number => spec.host?.port ?? defaultPorts[spec.engine]

export const loopbackAt = (port: number): string => `http://${loopback}:${port}`

/** The field of `spec.host` that was changed since the template was made, as people wrote it. */
export const findChanged = (
  { template, bare }: { readonly template: Template; readonly bare?: Template },
  now: Template,
): string | undefined => {
  if (template.port !== now.port) return `spec.host.port ${now.port}`
  const isSame = !bare || JSON.stringify(bare.words) === JSON.stringify(now.words)
  return isSame ? undefined : 'the changed spec.host.command'
}

export const addressOf = (runtime: Runtime): string =>
  runtime.spec.host?.url?.replace(/\/+$/, '') ?? loopbackAt(portOf(runtime))

export const programOf = ({ spec }: Runtime): readonly string[] => spec.host?.command ?? programs[spec.engine]

/** As it is before any model; a launch is written over it. */
export const bareSight = (runtime: Runtime, volume?: VolumeView): ContainerSight => {
  const port = portOf(runtime)
  const command = programOf(runtime)
  const args = ['--port', String(port)]
  switch (runtime.spec.engine) {
    case 'VLLM':
      return { command, args, env: {}, port }
    case 'Ollama':
      return { command, args: [], env: ollamaEnvironment(runtime, volume), port }
    case 'LlamaCpp':
      return { command, args: [...args, ...(volume ? ['--store', volume.layout.path] : [])], env: {}, port }
  }
}

const ollamaEnvironment = (runtime: Runtime, volume: VolumeView | undefined) => ({
  OLLAMA_HOST: `${loopback}:${portOf(runtime)}`,
  ...(volume ? { OLLAMA_MODELS: volume.layout.path } : {}),
})

const ofSight = ({ spec }: Runtime, { command, args, env, port }: ContainerSight): Template => ({
  words: [...command, ...args],
  environment: env,
  port,
  ...(spec.host?.hardening ? { hardening: spec.host.hardening } : {}),
})

export const bareTemplate = (runtime: Runtime, volume?: VolumeView): Template =>
  ofSight(runtime, bareSight(runtime, volume))

/** An engine that changes models inside its process is started without one, and has no recipe of its own. */
export const renderTemplate = (
  runtime: Runtime,
  { hash, command, args }: Launch,
  volume?: VolumeView,
): Template => {
  const bare = bareSight(runtime, volume)
  if (command === undefined && args === undefined) return ofSight(runtime, bare)
  const launched = { ...bare, command: command ?? bare.command, args: args ?? bare.args }
  return { ...ofSight(runtime, launched), recipe: hash }
}

export const isSameTemplate = (a: Template, b: Template): boolean => JSON.stringify(a) === JSON.stringify(b)
