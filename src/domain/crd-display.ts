// Figures as people read them in `kubectl get`: percent, size, source, speed, time to go.
import type { ModelDisplay, ModelSpec, ModelStatus } from './model.ts'
import type { RuntimeDisplay, RuntimeStatus } from './runtime.ts'

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const

/** 15231233024 → `15.2 GB` */
export const showBytes = (bytes: number): string => {
  const digits = Math.max(0, Math.floor(Math.log10(Math.max(1, bytes))))
  const step = Math.min(units.length - 1, Math.floor(digits / 3))
  const value = bytes / 1000 ** step
  return `${step === 0 || value >= 100 ? Math.floor(value) : Math.floor(value * 10) / 10} ${units[step]}`
}

/** 130 → `2m10s`, as kubectl prints an age: two units at most */
export const showSeconds = (seconds: number): string => {
  const whole = Math.max(0, Math.round(seconds))
  if (whole < 60) return `${whole}s`
  if (whole < 3600) return join(Math.floor(whole / 60), 'm', whole % 60, 's')
  return join(Math.floor(whole / 3600), 'h', Math.floor((whole % 3600) / 60), 'm')
}

const join = (big: number, bigUnit: string, small: number, smallUnit: string): string =>
  small ? `${big}${bigUnit}${small}${smallUnit}` : `${big}${bigUnit}`

export const showSource = ({ source }: Pick<ModelSpec, 'source'>): string => {
  if (source.local) return `local:${source.local.path}`
  return source.huggingFace ? `hf:${source.huggingFace.repo}` : `ollama:${source.ollama?.name ?? ''}`
}

/** What stands in status.display of a Model with this status. */
export const displayModel = (
  spec: Pick<ModelSpec, 'source'>,
  status: Pick<ModelStatus, 'progress' | 'resolved'>,
): ModelDisplay => {
  const { progress, resolved } = status
  return {
    source: showSource(spec),
    ...(resolved && { size: showBytes(resolved.bytes) }),
    ...(progress && { progress: `${progress.percent}%` }),
    ...(progress?.bytesPerSecond !== undefined && { speed: `${showBytes(progress.bytesPerSecond)}/s` }),
    ...(progress?.etaSeconds !== undefined && { eta: showSeconds(progress.etaSeconds) }),
  }
}

/** What stands in status.display of a Runtime; nothing while no switch runs. */
export const displayRuntime = (status: Pick<RuntimeStatus, 'switch'>): RuntimeDisplay | undefined => {
  const expected = status.switch?.expectedSeconds
  return expected === undefined ? undefined : { expected: showSeconds(expected) }
}
