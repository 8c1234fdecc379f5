// SPDX-License-Identifier: AGPL-3.0-or-later
// Cases: #/cases the list, …/ID one of them. Originals are seen on the page of their case and nowhere else.
import { place } from '../../lib/router';
import { CaseList } from './list';
import { CasePage } from './detail';

export function Cases() {
  const [id] = place.value.rest;
  return id ? <CasePage key={id} id={id} /> : <CaseList />;
}
