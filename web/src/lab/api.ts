/** What the rule lab asks: series and rules in Prometheus' words, why in ours. Judgement only; truth comes another way. */

import { ApiError, request } from '../api'
import type { CityInfo, Snapshot } from '../wire'

export type Labels = Readonly<Record<string, string>>

export interface MatrixRow {
  readonly metric: Labels
  readonly values: readonly (readonly [number, string])[]
}

export interface RuleRow {
  readonly name: string
  readonly query: string
  readonly duration: number
  readonly keepFiringFor: number
  readonly labels: Labels
  readonly annotations: Labels
  readonly health: string
  readonly lastError: string
  readonly state: string
  readonly group: string
  readonly file: string
  readonly firing: number
  readonly pending: number
}

export interface Reason {
  readonly code: string
  readonly [fact: string]: string | number | null
}

export interface Shown {
  readonly metric: string
  readonly labels: Labels
  readonly series: string
  readonly value: number | null
  readonly said: string | null
  readonly other: number | null
  readonly holds: boolean | null
  readonly at_ms: number | null
}

export type NodeState = 'value' | 'true' | 'false' | 'absent' | 'error'

export interface WhyNode {
  readonly number: number
  readonly kind: string
  readonly op: string
  readonly text: string
  readonly start: number
  readonly end: number
  readonly state: NodeState
  readonly series: number
  readonly everywhere: number
  readonly shown: readonly Shown[]
  readonly reason: Reason | null
  readonly children: readonly WhyNode[]
}

export interface Why {
  readonly alert: string | null
  readonly text: string
  readonly file: string | null
  readonly line: number | null
  readonly at_ms: number
  readonly now_ms: number
  readonly start_ms: number
  readonly evaluated_ms: number
  readonly next_ms: number
  readonly interval_ms: number
  readonly for_ms: number
  readonly keep_firing_for_ms: number
  readonly labels: Labels
  readonly alert_labels: Labels | null
  readonly condition: string
  readonly verdict: string
  readonly active_at_ms: number | null
  readonly held_ms: number | null
  readonly fires_at_ms: number | null
  readonly kept_since_ms: number | null
  readonly kept_until_ms: number | null
  readonly ended_by: readonly number[]
  readonly others: readonly Labels[]
  readonly others_count: number
  readonly tree: WhyNode
}

export interface WhyQuestion {
  readonly alert?: string | undefined
  readonly expr?: string | undefined
  readonly labels?: Labels | undefined
  readonly atMs?: number | null | undefined
  readonly holdMs?: number | undefined
  readonly keepMs?: number | undefined
}

interface Answer<T> {
  readonly status: string
  readonly data: T
  readonly error?: string
}

/** A way to the center: from its own page directly, from the exercise through its window. */
export class LabApi {
  constructor(readonly base: string) {}

  get prometheus(): string {
    return `${this.base}/prometheus`
  }

  city = () => request<CityInfo | null>('GET', `${this.base}/api/city`)
  overview = () => request<Snapshot>('GET', `${this.base}/api/overview`)

  /** Each row's samples at the steps of a range; instants in ms of the epoch. */
  async range(query: string, startMs: number, endMs: number, stepMs: number): Promise<readonly MatrixRow[]> {
    const params = new URLSearchParams({
      query,
      start: String(startMs / 1000),
      end: String(endMs / 1000),
      step: String(stepMs / 1000),
    })
    const data = await this.ask<{ resultType: string; result: readonly MatrixRow[] }>(`query_range?${params}`)
    return data.result
  }

  async rules(): Promise<readonly RuleRow[]> {
    interface Group {
      name: string
      file: string
      rules: readonly (RuleRow & { alerts?: readonly { state: string }[] })[]
    }
    const { groups } = await this.ask<{ groups: readonly Group[] }>('rules?type=alert')
    return groups.flatMap((group) =>
      group.rules.map((rule) => ({
        ...rule,
        group: group.name,
        file: group.file,
        firing: rule.alerts?.filter((alert) => alert.state === 'firing').length ?? 0,
        pending: rule.alerts?.filter((alert) => alert.state === 'pending').length ?? 0,
      })),
    )
  }

  why(question: WhyQuestion): Promise<Why> {
    const params = new URLSearchParams()
    if (question.alert) params.set('alert', question.alert)
    else params.set('expr', question.expr ?? '')
    for (const [name, value] of Object.entries(question.labels ?? {})) params.append('label', `${name}=${value}`)
    if (question.atMs != null) params.set('at_ms', String(Math.round(question.atMs)))
    if (!question.alert) {
      params.set('for', `${Math.round((question.holdMs ?? 0) / 1000)}s`)
      params.set('keep_firing_for', `${Math.round((question.keepMs ?? 0) / 1000)}s`)
    }
    return request<Why>('GET', `${this.base}/api/rules/why?${params}`)
  }

  private async ask<T>(path: string): Promise<T> {
    try {
      return (await request<Answer<T>>('GET', `${this.prometheus}/api/v1/${path}`)).data
    } catch (error) {
      // Prometheus says what is wrong in `error`, problem documents in `detail`.
      const said = error instanceof ApiError ? (error.problem as { error?: string }).error : undefined
      throw said && error instanceof ApiError ? new ApiError(error.status, { ...error.problem, detail: said }) : error
    }
  }
}
