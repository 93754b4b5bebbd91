// What the kernel counts: small ports, so that it needs no metrics library. All members may be left out as a whole.

export interface RestRecorder {
  /** `code` is the status, or `<error>` when none came */
  requested(call: {
    readonly code: string
    readonly method: string
    readonly host: string
    readonly seconds: number
  }): void
}

export interface ReflectorRecorder {
  listed(): void
  restarted(reason: string): void
  received(bytes: number): void
  holds(objects: number): void
}

export interface LeaderRecorder {
  leads(isLeader: boolean): void
}
