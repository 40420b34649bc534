//! How the tree is found.

use std::collections::{HashMap, HashSet};

use super::item::{ItemKind, ItemState, TreeItem};
use crate::{
    context::ambient,
    sys::{Arc, ticks},
    tree::{Flags, Label, Look, Member, Node, Note, Role, listed},
};

/// What is to be done next. The tree may be deeper than any stack: nothing here calls itself.
enum Step {
    Node(Arc<Node>, Around),
    Member(Box<Member>, Around),
    /// A scope that has no node.
    Note(Note, Around),
    /// All that is beneath this item is there.
    End(usize),
}

/// What is around an item.
#[derive(Clone, Copy)]
struct Around {
    parent: Option<usize>,
    effective: bool,
    asked: bool,
}

const NOTHING: Around = Around { parent: None, effective: false, asked: false };

struct Walk {
    items: Vec<TreeItem>,
    steps: Vec<Step>,
    seen: Seen,
    /// The nodes of the running task, which asks.
    current: HashSet<usize>,
    /// What is on the boards of the tasks that were come by, by what it is beneath.
    notes: HashMap<usize, Vec<Note>>,
    now: u32,
}

/// Nodes that were come by, kept until the walk is over: one that had gone meanwhile might leave its
/// address to a new one, which would be taken for it.
#[derive(Default)]
struct Seen(HashMap<usize, Arc<Node>>);

impl Seen {
    /// Whether the node is new.
    fn insert(&mut self, node: &Arc<Node>) -> bool {
        self.0.insert(node.address(), Arc::clone(node)).is_none()
    }
}

/// All items, each before those beneath it.
pub(super) fn take() -> Vec<TreeItem> {
    let mut walk = Walk {
        items: Vec::new(),
        steps: Vec::new(),
        seen: Seen::default(),
        current: current(),
        notes: HashMap::new(),
        now: ticks::refresh(),
    };
    let nodes = listed();
    for top in tops(&nodes) {
        walk.add(Step::Node(top, NOTHING));
    }
    // A group that was dropped is no longer among what is around it, but its tasks may go on.
    for node in nodes {
        walk.add(Step::Node(node, NOTHING));
    }
    walk.items
}

/// The nodes around the running code, up to its task's.
fn current() -> HashSet<usize> {
    let mut current = HashSet::new();
    let mut next = ambient::node();
    while let Some(node) = next {
        current.insert(node.address());
        if node.flags().any(Flags::TASK_ROOT) {
            break;
        }
        next = node.parent();
    }
    current
}

/// The outermost nodes around `nodes`, each once.
fn tops(nodes: &[Arc<Node>]) -> Vec<Arc<Node>> {
    let (mut climbed, mut tops) = (Seen::default(), Vec::new());
    for node in nodes {
        let mut node = Arc::clone(node);
        while climbed.insert(&node) {
            let Some(parent) = node.parent() else {
                tops.push(node);
                break;
            };
            node = parent;
        }
    }
    tops
}

impl Walk {
    fn add(&mut self, first: Step) {
        self.steps.push(first);
        while let Some(step) = self.steps.pop() {
            match step {
                Step::Node(node, around) => self.node(&node, around),
                Step::Member(member, around) => self.member(*member, around),
                Step::Note(note, around) => self.note(note, around),
                Step::End(index) => self.items[index].end = self.items.len(),
            }
        }
    }

    fn node(&mut self, node: &Arc<Node>, around: Around) {
        if !self.seen.insert(node) {
            return;
        }
        let look = node.look();
        self.take_notes(node, &look);
        let members = look.members.as_ref().map(|members| members.list()).unwrap_or_default();
        let hidden = matches!(look.role, Role::Boundary | Role::CleaningUp)
            || (look.ended && members.is_empty());
        if let (Role::CleaningUp, Some(parent)) = (look.role, around.parent) {
            self.items[parent].state = ItemState::Closing;
        }
        let inside = Around {
            parent: if hidden { around.parent } else { Some(self.items.len()) },
            effective: look.flags.any(Flags::EFFECTIVE),
            asked: look.flags.any(Flags::ASKED),
        };
        if !hidden {
            let mut item = Self::item(ItemKind::of(look.role), &look, around);
            item.age = look.since.map(|since| ticks::age(since, self.now));
            item.state = self.state(node, &look, around);
            item.dropped = look.ended;
            self.push(item);
        }
        self.inside(node.address(), look.children, members, inside);
    }

    /// A task, of which the group knows more than its node.
    fn member(&mut self, member: Member, around: Around) {
        let node = member.node.clone().filter(|node| self.seen.insert(node));
        let look = node.as_ref().map(|node| node.look());
        if let (Some(node), Some(look)) = (&node, &look) {
            self.take_notes(node, look);
        }
        let mut item = match &look {
            Some(look) => Self::item(ItemKind::Task, look, around),
            None => {
                let mut item = TreeItem::new(ItemKind::Task, member.label.clone());
                item.asked = around.asked;
                item.parent = around.parent;
                item
            }
        };
        let cancelled = member.cancelled || around.effective;
        let runs = member.node.as_ref().is_some_and(|node| self.is_current(node)) || !member.waits;
        item.label = member.label;
        item.root = true;
        item.age = Some(ticks::age(member.since, self.now));
        item.service = member.service;
        item.cause = member.cause;
        item.state = match (cancelled, runs) {
            (true, _) => ItemState::Cancelling,
            (false, true) => ItemState::Running,
            (false, false) => ItemState::Waiting,
        };
        let inside =
            Around { parent: Some(self.items.len()), effective: cancelled, asked: item.asked };
        self.push(item);
        if let (Some(node), Some(look)) = (node, look) {
            self.inside(node.address(), look.children, Vec::new(), inside);
        }
    }

    /// A scope of which only a note tells.
    fn note(&mut self, note: Note, around: Around) {
        let mut item = TreeItem::new(ItemKind::Scope, Label::at(note.site));
        item.asked = around.asked;
        item.deadline = note.deadline;
        item.parent = around.parent;
        item.state = if around.effective { ItemState::Cancelling } else { ItemState::Running };
        let inside = Around { parent: Some(self.items.len()), ..around };
        self.push(item);
        self.inside(note.frame, Vec::new(), Vec::new(), inside);
    }

    /// Finds out where the notes on a task's board belong. `root` is its outermost node. What around
    /// one of them has changed since is not known before that is polled again; then it is the task's.
    fn take_notes(&mut self, root: &Arc<Node>, look: &Look) {
        if look.notes.iter().all(|note| note.node.is_some()) {
            return;
        }
        let frames: HashMap<_, _> =
            look.notes.iter().map(|note| (note.frame, note.node.unwrap_or(note.frame))).collect();
        let (mut nodes, mut todo) = (HashSet::from([root.address()]), look.children.clone());
        while let Some(node) = todo.pop() {
            if !node.flags().any(Flags::TASK_ROOT) && nodes.insert(node.address()) {
                todo.extend(node.children());
            }
        }
        for note in look.notes.iter().filter(|note| note.node.is_none()) {
            let around = frames.get(&note.around).copied();
            let around = around.or_else(|| nodes.contains(&note.around).then_some(note.around));
            self.notes.entry(around.unwrap_or_else(|| root.address())).or_default().push(*note);
        }
    }

    /// What is beneath an item: what it does itself, then its tasks.
    fn inside(
        &mut self,
        address: usize,
        children: Vec<Arc<Node>>,
        members: Vec<Member>,
        inside: Around,
    ) {
        let notes = self.notes.remove(&address).unwrap_or_default();
        let (tasks, own): (Vec<_>, Vec<_>) =
            children.into_iter().partition(|child| child.flags().any(Flags::TASK_ROOT));
        let steps = own.into_iter().map(|node| Step::Node(node, inside));
        let steps = steps.chain(notes.into_iter().map(|note| Step::Note(note, inside)));
        let steps = steps.chain(members.into_iter().map(|it| Step::Member(Box::new(it), inside)));
        let steps = steps.chain(tasks.into_iter().map(|node| Step::Node(node, inside)));
        let steps: Vec<_> = steps.collect();
        self.steps.extend(steps.into_iter().rev());
    }

    fn is_current(&self, node: &Arc<Node>) -> bool {
        self.current.contains(&node.address())
    }

    fn item(kind: ItemKind, look: &Look, around: Around) -> TreeItem {
        let mut item = TreeItem::new(kind, look.label.clone());
        item.asked = look.flags.any(Flags::ASKED);
        item.obligation = look.flags.any(Flags::OBLIGATION);
        item.root = look.flags.any(Flags::TASK_ROOT);
        item.cause.clone_from(&look.cause);
        item.deadline = look.deadline;
        item.parent = around.parent;
        item
    }

    fn state(&self, node: &Arc<Node>, look: &Look, around: Around) -> ItemState {
        let is_task = ItemKind::of(look.role).is_task();
        if look.role == Role::Cleanup && look.is_closing() {
            ItemState::Closing
        } else if look.flags.any(Flags::EFFECTIVE) {
            ItemState::Cancelling
        } else if around.effective && look.flags.any(Flags::SHIELD) {
            ItemState::Shielded
        } else if look.is_closing() {
            ItemState::Closing
        } else if is_task && !self.is_current(node) {
            // It would have no node that is in the tree if it had never waited, or something in it.
            ItemState::Waiting
        } else {
            ItemState::Running
        }
    }

    fn push(&mut self, mut item: TreeItem) {
        let index = self.items.len();
        item.index = index;
        item.depth = item.parent.map_or(0, |parent| self.items[parent].depth + 1);
        self.items.push(item);
        self.steps.push(Step::End(index));
    }
}
