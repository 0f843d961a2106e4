//! The people and system accounts that may submit letters or approve what widens.

use serde::{Deserialize, Serialize};

use crate::words::words;
use crate::{Category, Mailbox, Purpose, Timestamp};

words! {
    /// What a member of staff is trusted with (section 8).
    Role {
        /// Writes letters about care.
        Clinician = "clinician",
        /// Decides grave exceptions besides.
        SeniorClinician = "senior-clinician",
        /// Leads on information governance.
        IgLead = "ig-lead",
        /// Leads on safeguarding.
        SafeguardingLead = "safeguarding-lead",
        /// Leads on records.
        RecordsLead = "records-lead",
        /// Authorises agencies.
        AreaManager = "area-manager",
        /// May decide any exception.
        CaldicottGuardian = "caldicott-guardian",
        /// The data-protection officer.
        Dpo = "dpo",
        /// Keeps the lists.
        Admin = "admin",
        /// A record system.
        System = "system",
    }
}

/// Working hours, in minutes after local midnight. The first minute is in, the last is out;
/// an end at or before the start runs past midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    /// 0 to 1,439.
    pub from_minute: u16,
    /// 0 to 1,439.
    pub to_minute: u16,
}

/// A member of staff, or a system account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Staff {
    /// Unique among staff.
    pub id: String,
    /// As people know them.
    pub name: String,
    /// Never empty.
    pub roles: Vec<Role>,
    /// Absent for a `system` account.
    pub trained_until: Option<Timestamp>,
    /// Addresses they send from.
    pub addresses: Vec<Mailbox>,
    /// May they act at all?
    pub active: bool,
    /// When set, they release only within these, or on duty.
    pub hours: Option<Hours>,
    /// On duty now, whatever the hours.
    pub on_duty: bool,
    /// Stands in where a letter declares none.
    pub default_purpose: Option<Purpose>,
    /// Stands in where a letter declares none.
    pub default_categories: Vec<Category>,
}
