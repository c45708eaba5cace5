/// What a message does to the process, in words that are the same for every protocol.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ot<'a> {
    /// Protocol, as in Zeek's `service` column.
    pub protocol: &'static str,
    /// What is done.
    pub action: Action,
    /// How far it came.
    pub outcome: Outcome,
    /// What it is done to: `holding_register 40/2`, `coil 3`; empty when the message names nothing.
    pub object: &'a str,
    /// The value written or read, where one stands in the message.
    pub value: Option<&'a str>,
    /// The value before, where the message or an earlier one tells it.
    pub old_value: Option<&'a str>,
}

/// How far an action came. An accepted command outranks an attempted one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Asked for; the answer is not known yet, or the protocol has none.
    Request,
    /// The device said yes.
    Accepted,
    /// The device said no.
    Rejected,
    /// The device stayed silent.
    NoAnswer,
}

macro_rules! actions {
    ($($(#[$doc:meta])* $action:ident = $name:literal,)*) => {
        /// What is done: a closed vocabulary over all protocols.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action { $($(#[$doc])* $action,)* }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Action] = &[$(Action::$action),*];

            /// The word that rules use, in the field `ot.action`.
            pub fn name(self) -> &'static str {
                match self { $(Action::$action => $name,)* }
            }
        }
    };
}

actions! {
    /// Values are read.
    Read = "read",
    /// Values are written.
    Write = "write",
    /// A control point is selected, the first half of select-before-operate.
    ControlSelect = "control_select",
    /// A control point is operated.
    ControlOperate = "control_operate",
    /// A controller is started.
    Start = "start",
    /// A controller is stopped.
    Stop = "stop",
    /// A controller is restarted.
    Restart = "restart",
    /// A controller changes its mode.
    ModeChange = "mode_change",
    /// A program goes to the controller.
    ProgramDownload = "program_download",
    /// A program comes from the controller.
    ProgramUpload = "program_upload",
    /// A program is deleted.
    ProgramDelete = "program_delete",
    /// Firmware is transferred.
    Firmware = "firmware",
    /// A value is forced against the program.
    Force = "force",
    /// Alarms or their limits are changed.
    AlarmConfig = "alarm_config",
    /// Reports or unsolicited messages are switched off.
    ReportDisable = "report_disable",
    /// The clock is set.
    TimeSet = "time_set",
    /// A file is read.
    FileRead = "file_read",
    /// A file is written.
    FileWrite = "file_write",
    /// A file is deleted.
    FileDelete = "file_delete",
    /// Somebody logs in, reserves the device, or tries to.
    Auth = "auth",
    /// Devices or services are searched for.
    Discover = "discover",
    /// A device is asked who it is.
    Identify = "identify",
    /// Settings are changed.
    ConfigSet = "config_set",
    /// Counters, tests and echoes.
    Diagnostic = "diagnostic",
}

impl Outcome {
    /// The word that rules use, in the field `ot.outcome`.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Request => "request",
            Outcome::Accepted => "accepted",
            Outcome::Rejected => "rejected",
            Outcome::NoAnswer => "no_answer",
        }
    }
}
